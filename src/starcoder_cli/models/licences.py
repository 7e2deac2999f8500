"""The models' licences: where each text is, what it requires and what it forbids, in our words.

These are summaries to decide by at a terminal, not legal text: that is behind the link. Every line
fits a terminal of 80 columns.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Licence:
    """One version of one licence; an agreement to it is recorded under its `id`.

    `restrictions` complete the sentence "the model must not be used ...". `duties` are obligations
    for its output and when passing the model on; `notice` then has to be included, in the
    licensor's words. With `needs_consent`, someone must agree before the model is fetched.
    """

    id: str
    name: str
    url: str
    terms: tuple[str, ...]
    restrictions: tuple[str, ...] = ()
    duties: tuple[str, ...] = ()
    notice: str = ""
    needs_consent: bool = False


_FREE = "use is free of charge, commercial use too"
_PASSED_ON = "whoever passes the model on passes these restrictions on, too"
_OUTPUT_FREE = "output: nothing has to be said of it"
_COPY = "the model, passed on: with the licence and all its notices"
_CHANGED = "a changed model: its files say that they were changed"
_NOTICE = "the model, passed on: the notice below in a file named Notice"
_BOUND = "a service with it: its users are bound to the restrictions"

BIGCODE = Licence(
    id="bigcode-openrail-m-v1",
    name="BigCode OpenRAIL-M v1",
    url="https://huggingface.co/spaces/bigcode/bigcode-model-license-agreement",
    terms=(
        _FREE,
        _PASSED_ON,
        "output may be a copy of licensed code: then that licence holds",
    ),
    restrictions=(
        "(a) in any way that breaks the law",
        "(b) to exploit or harm minors",
        "(c) to make malware or ransomware",
        "(d) to make or spread false information in order to harm",
        "(e) to make or spread personal data in order to harm",
        "(f) to publish output without saying that a machine made it",
        "(g) to defame, disparage or harass others",
        "(h) to impersonate others",
        "(i) to decide on rights and duties by machine, undisclosed",
        "(j) to treat people badly for how they behave or seem to be",
        "(k) to exploit the weaknesses of a vulnerable group",
        "(l) to discriminate by legally protected characteristics",
        "(m) to give medical advice or interpret medical results",
        "(n) in justice, law enforcement, immigration or asylum",
    ),
    duties=(
        "output, published: says that a machine made it (--provenance)",
        "output that copies licensed code: keeps that licence (--trace)",
        _COPY,
        _CHANGED,
        _BOUND,
    ),
    needs_consent=True,
)

LICENCES: tuple[Licence, ...] = (
    BIGCODE,
    Licence(
        id="Apache-2.0",
        name="Apache-2.0",
        url="https://www.apache.org/licenses/LICENSE-2.0",
        terms=(
            "any use is allowed, commercial use too",
            "whoever passes the model on keeps its licence and notices",
        ),
        duties=(
            _OUTPUT_FREE,
            "the model, passed on: with the licence and its NOTICE file",
            _CHANGED,
        ),
    ),
    Licence(
        id="MIT",
        name="MIT",
        url="https://opensource.org/license/mit",
        terms=("any use is allowed, commercial use too",),
        duties=(_OUTPUT_FREE, "the model, passed on: with its copyright line and the licence"),
    ),
    Licence(
        id="qwen-research",
        name="Qwen Research",
        url="https://huggingface.co/Qwen/Qwen2.5-Coder-3B-Instruct-GGUF/blob/main/LICENSE",
        terms=(
            "use is free of charge for research and evaluation",
            "commercial use needs a licence from Alibaba Cloud",
            "whoever passes the model on adds its licence and marks changes",
            "models made with it or its output say so where they are shown",
        ),
        restrictions=("for anything commercial",),
        duties=(
            "output that other models learn from: 'Built with Qwen' there",
            _COPY,
            _NOTICE,
            _CHANGED,
        ),
        notice=(
            "Qwen is licensed under the Qwen RESEARCH LICENSE AGREEMENT, Copyright (c) Alibaba "
            "Cloud. All Rights Reserved."
        ),
    ),
    Licence(
        id="deepseek-1.0",
        name="DeepSeek",
        url="https://github.com/deepseek-ai/DeepSeek-Coder/blob/main/LICENSE-MODEL",
        terms=(_FREE, _PASSED_ON),
        restrictions=(
            "in any way that breaks the law or the rights of others",
            "for military purposes",
            "to exploit or harm minors",
            "to make or spread false information in order to harm",
            "to make or spread what regulations forbid",
            "to make or spread personal data without permission",
            "to defame, disparage or harass others",
            "to decide by machine, to the harm of someone's rights",
            "to treat people badly for how they behave or seem to be",
            "to exploit the weaknesses of a vulnerable group",
            "to discriminate by legally protected characteristics",
        ),
        duties=(_OUTPUT_FREE, _COPY, _CHANGED, _BOUND),
    ),
    Licence(
        id="gemma",
        name="Gemma",
        url="https://ai.google.dev/gemma/terms",
        terms=(
            _FREE,
            "whoever passes the model on adds the terms and marks changes",
            "Google may restrict a use that breaks the terms",
        ),
        restrictions=(
            "to infringe the rights of others",
            "to do, plan or promote what is illegal",
            "to practise a profession without the licence it needs",
            "for spam, fraud, phishing or malware",
            "to get around the model's own safety",
            "to promote hatred, harassment, violence or self-harm",
            "to decide by machine, to the harm of someone's rights",
            "to misinform, to impersonate, or to pass output off as human",
            "to make sexually explicit content",
        ),
        duties=(
            "output: is not passed off as made by people (--provenance)",
            _COPY,
            _NOTICE,
            _CHANGED,
            _BOUND,
        ),
        notice=(
            "Gemma is provided under and subject to the Gemma Terms of Use found at "
            "ai.google.dev/gemma/terms"
        ),
        needs_consent=True,
    ),
    Licence(
        id="llama-2",
        name="Llama 2",
        url="https://ai.meta.com/llama/license/",
        terms=(
            _FREE,
            "above 700 million users a month it needs a licence from Meta",
            "whoever passes the model on adds the agreement and its notice",
        ),
        restrictions=(
            "to improve any other large language model",
            "in any way that breaks the law or the rights of others",
            "for violence, weapons, warfare or critical infrastructure",
            "to exploit or harm minors",
            "to harass, to discriminate, or to gather personal data",
            "to practise a profession without the licence it needs",
            "to make malware",
            "to deceive: fraud, disinformation, output passed off as human",
        ),
        duties=(
            "output: is not passed off as made by people (--provenance)",
            _COPY,
            _NOTICE,
        ),
        notice=(
            "Llama 2 is licensed under the LLAMA 2 Community License, Copyright (c) Meta "
            "Platforms, Inc. All Rights Reserved."
        ),
    ),
    Licence(
        id="mistral-non-production-0.1",
        name="Mistral Non-Production",
        url="https://mistral.ai/licenses/MNPL-0.1.md",
        terms=(
            "free of charge for research, tests, evaluation, personal use",
            "any other use needs a licence from Mistral AI",
            "whoever passes the model on adds its licence",
        ),
        restrictions=(
            "in production",
            "to supply it, or its output, in a business, paid or not",
        ),
        duties=(_COPY, _NOTICE, _CHANGED),
        notice="Licensed by Mistral AI under the Mistral AI Non-Production License",
        needs_consent=True,
    ),
    Licence(
        id="stability-ai-community",
        name="Stability AI Community",
        url="https://stability.ai/license",
        terms=(
            "use is free of charge, after registration commercial use too",
            "above 1 million US dollars of revenue a year it needs another",
            "whoever passes the model on adds its licence and its notice",
        ),
        restrictions=(
            "to improve a foundation model of another family",
            "against its acceptable use policy: stability.ai/use-policy",
        ),
        duties=(
            "the model, or a product with it: 'Powered by Stability AI' there",
            _COPY,
            _NOTICE,
            _CHANGED,
        ),
        notice=(
            "This Stability AI Model is licensed under the Stability AI Community License, "
            "Copyright (c) Stability AI Ltd. All Rights Reserved"
        ),
    ),
)


def find_licence(name: str, repository: str = "") -> Licence | None:
    """The licence with a name, or None if there is none or we do not know it.

    BigCode's models on the hub are under its OpenRAIL-M unless they name another licence.
    """
    if not name and repository.lower().startswith("bigcode/"):
        return BIGCODE
    return next((licence for licence in LICENCES if licence.name == name), None)
