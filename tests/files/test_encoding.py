"""Files that are not UTF-8, by their bytes or by what they say."""

from contextlib import nullcontext

import pytest

from starcoder_cli.errors import DataError
from starcoder_cli.files.encoding import check_can_hold, find_declared_encoding
from starcoder_cli.files.source import decode_source


@pytest.mark.parametrize(
    ("document", "encoding"),
    [
        ("# -*- coding: latin-1 -*-\n", "latin-1"),
        ("#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n", "cp1252"),
        ("#!/usr/bin/ruby\n# encoding: Shift_JIS\n", "Shift_JIS"),
        ("/* -*- coding: iso-8859-15-unix -*- */\n", "iso-8859-15"),
        ("# coding: ascii\n", "ascii"),
        ('<?xml version="1.0" encoding="ISO-8859-1"?>\n<a/>\n', "ISO-8859-1"),
        ("<!doctype html>\n<html><head><meta charset=windows-1252>\n", "windows-1252"),
        (
            '<html>\n<meta http-equiv="Content-Type" content="text/html; charset=euc-kr">\n',
            "euc-kr",
        ),
        ('@charset "latin1";\n', "latin1"),
        ("# -*- coding: utf-8 -*-\n", ""),
        ("# coding: UTF8\n", ""),
        ("# -*- coding: utf-8-unix -*-\n", ""),
        ("# encoding: how it is done\n", ""),
        ("# coding: base64\n", ""),
        ("# coding: undefined\n", ""),
        ("x = 1\ny = 2\n# coding: latin-1\n", ""),
        ("coding = 'latin-1'\n", ""),
        ("page = '<meta charset=latin1>'\n", ""),
        ('<?xml version="1.0"?>\n', ""),
        ("", ""),
    ],
)
def test_the_encoding_that_a_file_names(document: str, encoding: str) -> None:
    assert find_declared_encoding(document) == encoding


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("# \xe9t\xe9\n".encode("latin-1"), "a is not UTF-8"),
        ("# \u8054\u901a \u6d4b\u8bd5 \u4e2d\u6587\n".encode("gbk"), "a is not UTF-8"),
        (b"# coding: latin-1\n", "a says that it is in latin-1"),
        (b"x = 1\n", ""),
        ("\ufeffx = 1\n".encode(), ""),
        ("# \xe9t\xe9\n".encode(), ""),
        ("# \xe9t\xe9 \u2026\n".encode() + b"\xe9\n", ""),
        ("# coding: latin-1\n# \xe9t\xe9\n".encode(), ""),
    ],
)
def test_what_is_not_utf8_holds_ascii_alone(data: bytes, problem: str) -> None:
    document = decode_source(data, "a")
    check_can_hold(document, "ascii \udce9", "a")
    with nullcontext() if not problem else pytest.raises(DataError, match=f"^{problem}, and the "):
        check_can_hold(document, "caf\xe9", "a")
