"""What MultiPL-E's Java programs use from `org.javatuples` 1.2, as source files beside them.

A tuple equals another of its class with equal values. Not included: tuples that grow or shrink, and
the classes `KeyValue` and `LabelValue`.
"""

TUPLE_NAMES = (
    "Unit",
    "Pair",
    "Triplet",
    "Quartet",
    "Quintet",
    "Sextet",
    "Septet",
    "Octet",
    "Ennead",
    "Decade",
)
PACKAGE_FOLDER = "org/javatuples"
TUPLE_SOURCE = """\
package org.javatuples;

import java.util.*;

public abstract class Tuple implements Iterable<Object>, java.io.Serializable, Comparable<Tuple> {
    final Object[] values;

    Tuple(Object... values) { this.values = values; }

    public final int getSize() { return values.length; }
    public final Object getValue(int position) { return values[position]; }
    public final List<Object> toList() { return new ArrayList<>(Arrays.asList(values)); }
    public final Object[] toArray() { return values.clone(); }
    public final Iterator<Object> iterator() { return toList().iterator(); }
    public final boolean contains(Object value) { return toList().contains(value); }
    public final boolean containsAll(Collection<?> others) { return toList().containsAll(others); }
    public final int indexOf(Object value) { return toList().indexOf(value); }
    public final int lastIndexOf(Object value) { return toList().lastIndexOf(value); }
    @Override public final String toString() { return Arrays.toString(values); }
    @Override public final int hashCode() { return Arrays.hashCode(values); }

    @Override public final boolean equals(Object other) {
        return other != null && getClass() == other.getClass()
            && Arrays.equals(values, ((Tuple) other).values);
    }

    @SuppressWarnings("unchecked")
    public int compareTo(Tuple other) {
        for (int at = 0; at < Math.min(values.length, other.values.length); at++) {
            int order = ((Comparable<Object>) values[at]).compareTo(other.values[at]);
            if (order != 0) return order;
        }
        return Integer.compare(values.length, other.values.length);
    }
}
"""


def tuple_sources() -> dict[str, str]:
    """The source of each class by the path of its file."""
    sources = {"Tuple": TUPLE_SOURCE} | {
        name: tuple_source(name, size) for size, name in enumerate(TUPLE_NAMES, 1)
    }
    return {f"{PACKAGE_FOLDER}/{name}.java": source for name, source in sources.items()}


def tuple_source(name: str, size: int) -> str:
    """The class of tuples of this size."""
    types = ", ".join(f"T{at}" for at in range(size))
    parameters = ", ".join(f"T{at} value{at}" for at in range(size))
    values = ", ".join(f"value{at}" for at in range(size))
    return "\n".join(
        (
            "package org.javatuples;\n",
            '@SuppressWarnings("unchecked")',
            f"public final class {name}<{types}> extends Tuple {{",
            f"    public {name}({parameters}) {{ super({values}); }}",
            f"    public static <{types}> {name}<{types}> with({parameters}) {{",
            f"        return new {name}<>({values});",
            "    }",
            *(accessors(name, size, at) for at in range(size)),
            "}\n",
        )
    )


def accessors(name: str, size: int, position: int) -> str:
    """The getter of a tuple's value, and the method that makes a tuple with it replaced."""
    types = ", ".join("X" if at == position else f"T{at}" for at in range(size))
    values = ", ".join("value" if at == position else f"getValue{at}()" for at in range(size))
    kind = f"T{position}"
    return (
        f"    public {kind} getValue{position}() {{ return ({kind}) values[{position}]; }}\n"
        f"    public <X> {name}<{types}> setAt{position}(X value) {{\n"
        f"        return new {name}<>({values});\n    }}"
    )
