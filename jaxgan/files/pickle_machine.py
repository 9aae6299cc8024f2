"""Goes through the operations of a pickle without running it.

A pickle is a program that may call any function it names. This knows the operations that make
dicts, lists, texts and numbers; of functions, those that it is given something for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from jaxgan.core.text import one_line

_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": lambda: (),
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
}
_LITERALS = (
    *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINSTRING", "SHORT_BINSTRING"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
)
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class Function(NamedTuple):
    """Takes the place of a function that a file may name."""

    name: str
    call: Callable[[list[Any]], Any]


class Machine:
    """A stack, a memory and the operations on them that make dicts, lists and what is admitted.

    Args:
      admitted: what takes the place of the names that a pickle may have, by (module, name): a
        `Function`, or a value.
      file: what is read, for messages: `"file of tensors"`.
      persistent: makes what a pickle refers to outside of itself.
      build: gives an object, which is returned, its state.

    Example:
      >>> import pickle, pickletools
      >>> Machine({}, "list").run(pickletools.genops(pickle.dumps([1, "a"])))
      [1, 'a']
    """

    def __init__(
        self,
        admitted: Mapping[tuple[str, str], Any],
        file: str,
        persistent: Callable[[Any], Any] | None = None,
        build: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        self._admitted = admitted
        self._file = file
        self._persistent = persistent
        self._build = build
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memory: dict[int, Any] = {}

    def run(self, program: Iterator[tuple[Any, Any, Any]]) -> Any:
        """What a pickle makes.

        Args:
          program: its operations, as `pickletools.genops` tells them.

        Returns:
          The object.

        Raises:
          ValueError: if it does anything else.
        """
        for operation, argument, _ in program:
            name = operation.name
            if name == "STOP":
                return self._stack.pop()
            if name in _CONSTANTS:
                self._stack.append(_CONSTANTS[name]())
            elif name in _LITERALS:
                self._stack.append(argument)
            elif name in _TUPLES:
                self._make_tuple(_TUPLES[name])
            elif name not in ("PROTO", "FRAME"):
                self._operate(name, argument)
        raise ValueError("it has no end")

    def _operate(self, name: str, argument: Any) -> None:
        stack = self._stack
        match name:
            case "MARK":
                self._below.append(stack)
                self._stack = []
            case "TUPLE":
                marked = self._marked()
                self._stack.append(tuple(marked))
            case "BINGET" | "LONG_BINGET":
                stack.append(self._memory[argument])
            case "BINPUT" | "LONG_BINPUT":
                self._memory[argument] = stack[-1]
            case "MEMOIZE":
                self._memory[len(self._memory)] = stack[-1]
            case "APPEND" | "SETITEM":
                self._fill(name, [stack.pop() for _ in range(1 if name == "APPEND" else 2)][::-1])
            case "APPENDS" | "SETITEMS":
                self._fill(name, self._marked())
            case "GLOBAL":
                stack.append(self._named(*argument.split(" ", 1)))
            case "STACK_GLOBAL":
                attribute, module = stack.pop(), stack.pop()
                stack.append(self._named(_key_text(module), _key_text(attribute)))
            case "REDUCE":
                self._call()
            case "BINPERSID" if self._persistent is not None:
                stack.append(self._persistent(stack.pop()))
            case "BUILD" if self._build is not None:
                state = stack.pop()
                stack.append(self._build(stack.pop(), state))
            case _:
                raise ValueError(f"it has the operation {name}, which no {self._file} needs")

    def _named(self, module: str, name: str) -> Any:
        if (module, name) not in self._admitted:
            raise ValueError(
                f"it names {one_line(module)}.{one_line(name)}, which no {self._file} needs: "
                "refused"
            )
        return self._admitted[module, name]

    def _make_tuple(self, size: int) -> None:
        if len(self._stack) < size:
            raise ValueError("its stack is empty")
        self._stack[-size:] = [tuple(self._stack[-size:])]

    def _marked(self) -> list[Any]:
        found, self._stack = self._stack, self._below.pop()
        return found

    def _call(self) -> None:
        args, function = self._stack.pop(), self._stack.pop()
        if not isinstance(function, Function) or not isinstance(args, tuple):
            raise ValueError(f"it calls a {type(function).__name__}")
        self._stack.append(function.call(list(args)))

    def _fill(self, name: str, values: list[Any]) -> None:
        into = self._stack[-1]
        if name.startswith("APPEND") and type(into) is list:
            into.extend(values)
        elif name.startswith("SETITEM") and type(into) is dict:
            pairs = zip(values[::2], values[1::2], strict=True)
            into.update({key_of(key): value for key, value in pairs})
        else:
            raise ValueError(f"it fills a {type(into).__name__}")


def _key_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"it names {shown_plainly(value)}")
    return value


def shown_plainly(value: Any) -> str:
    """A value in a message; what is nested may be nested a billion times in few bytes.

    Args:
      value: anything.

    Returns:
      At most a line.

    >>> shown_plainly(3), shown_plainly([])
    ('3', 'a list')
    """
    plain = isinstance(value, str | int | float | bool | None)
    return one_line(repr(value)) if plain else f"a {type(value).__name__}"


def key_of(value: Any) -> str | int | bytes:
    """A key of a dict.

    Args:
      value: anything.

    Returns:
      The same.

    Raises:
      ValueError: if it is no plain key.

    >>> key_of("a")
    'a'
    """
    if not isinstance(value, str | int | bytes):
        raise ValueError(f"a dict has {shown_plainly(value)} as a key")
    return value
