"""A problem's statement as a page shows it: formulas such as `u_t + u u_x = nu u_xx` become MathML.

A small language is read: sums, products by juxtaposition, powers, fractions, subscripts, functions, relations. What it
does not hold is left as the text that it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from markupsafe import Markup, escape

from pinn.report.symbols import FUNCTIONS, GREEK, LONGEST, OPERATORS, PROSE, RELATIONS, SIGNS, WORDS

TOKEN = re.compile(
    r"(?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)|(?P<name>[A-Za-z]+\d*(?:_\w+)?'*)|(?P<mark>\+-|<=|>=|[-+*/^=<>()\[\],;|])"
)
LABEL = re.compile(r"^([A-Za-z][\w ,']{0,40}:) +(?=\S)")
NEW_ITEM = re.compile(r"^(?:Conditions?\b|The ansatz|No ansatz|[A-Za-z][\w ,']{0,40}: )")
THIN = '<mspace width="0.14em"/>'


class NotAFormula(Exception):
    """The text says something that the language does not hold."""


@dataclass(frozen=True)
class Piece:
    """Markup of an expression; `inner`: of what a pair of parentheses around all of it holds."""

    markup: str
    inner: str | None = None

    @property
    def bare(self) -> str:
        """Without the parentheses that a fraction or a power makes superfluous, as one element."""
        return f"<mrow>{self.markup if self.inner is None else self.inner}</mrow>"


def formula(text: str, block: bool = False) -> Markup | None:
    """A formula as MathML; None where it is not one. block: on a line of its own."""
    try:
        markup = Reader(text).sentence()
    except NotAFormula:
        return None
    display = ' display="block"' if block else ""
    return Markup(f"<math{display}><mrow>{markup}</mrow></math>")


class Reader:
    """Reads a formula from left to right; each method takes what its name says and returns the markup."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str, bool]] = []  # kind, text, whether a space comes before
        while text.strip():
            bare = text.lstrip()
            token = TOKEN.match(bare)
            if token is None:
                raise NotAFormula(bare)
            self.tokens.append((str(token.lastgroup), token[0], bare != text))
            text = bare[token.end() :]
        self.at = 0

    def peek(self, ahead: int = 0) -> str:
        """The text of a token to come, empty at the end."""
        at = self.at + ahead
        return self.tokens[at][1] if at < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        """The next token, which must be there, and the expected one where one is."""
        token = self.peek()
        if not token or (expected and token != expected):
            raise NotAFormula(token)
        self.at += 1
        return token

    def sentence(self) -> str:
        """Relations, and words and commas between them."""
        parts = []
        while self.peek():
            if self.peek() in (",", ";"):
                parts.append(f'<mo separator="true">{self.take()}</mo>{THIN}')
            elif self.peek() in WORDS and self.peek(1):
                parts.append(f"<mtext>&#160;{self.take()}&#160;</mtext>")
            else:
                parts.append(self.relation())
        return "".join(parts)

    def relation(self) -> str:
        """Sums that are compared, or lie in an interval."""
        parts = [self.sum()]
        while self.peek() in RELATIONS or self.peek() == "in":
            sign = self.take()
            parts += [f"<mo>{RELATIONS.get(sign, '∈')}</mo>", self.sum()]
        return "".join(parts)

    def sum(self) -> str:
        """Products with their signs."""
        sign = f"<mo form='prefix'>{SIGNS[self.take()]}</mo>" if self.peek() in SIGNS else ""
        parts = [sign, self.product().markup]
        while self.peek() in SIGNS:
            parts += [f"<mo>{SIGNS[self.take()]}</mo>", self.product().markup]
        return "".join(parts)

    def product(self) -> Piece:
        """Factors side by side; a slash divides all that stands before it in the product by the next factor."""
        product = self.factor()
        while True:
            if self.peek() == "/":
                self.take()
                product = Piece(f"<mfrac>{product.bare}{self.factor().bare}</mfrac>")
            elif self.peek() == "x" and self.peek(1) == "[":
                self.take()
                product = Piece(f"{product.markup}<mo>×</mo>{self.factor().markup}")
            elif self.peek() == "*" or self.starts_factor():
                if self.peek() == "*":
                    self.take()
                product = Piece(f"{product.markup}{THIN}{self.factor().markup}")
            else:
                return product

    def starts_factor(self) -> bool:
        """Whether a factor comes next: no sign, relation or word."""
        if self.at >= len(self.tokens):
            return False
        kind, text, _ = self.tokens[self.at]
        return text in ("(", "[") if kind == "mark" else text not in WORDS and text != "in"

    def factor(self) -> Piece:
        """A primary with its power."""
        base = self.primary()
        if self.peek() != "^":
            return base
        self.take()
        sign = f"<mo>{SIGNS[self.take()]}</mo>" if self.peek() in SIGNS else ""
        return Piece(f"<msup><mrow>{base.markup}</mrow><mrow>{sign}{self.primary().bare}</mrow></msup>")

    def primary(self) -> Piece:
        """A number, a name, a function of something, or what parentheses, brackets or bars hold."""
        text = self.take()
        kind, _, _ = self.tokens[self.at - 1]
        if kind == "number":
            return Piece(number(text))
        if text in ("(", "["):
            inner = self.sentence_until(")" if text == "(" else "]")
            close = self.take()
            return Piece(f"<mo>{text}</mo>{inner}<mo>{close}</mo>", inner if text == "(" else None)
        if text == "|":
            inner = self.sum()
            self.take("|")
            return Piece(f"<mo>|</mo>{inner}<mo>|</mo>")
        if kind != "name":
            raise NotAFormula(text)
        return self.named(text)

    def sentence_until(self, close: str) -> str:
        """Relations and commas inside parentheses or brackets."""
        parts = []
        while self.peek() != close:
            parts.append(f'<mo separator="true">{self.take()}</mo>' if self.peek() == "," else self.relation())
        return "".join(parts)

    def named(self, text: str) -> Piece:
        """A symbol, or a function or an operator with what it acts on."""
        word = text.partition("_")[0]
        if word in ("sqrt", "abs") and self.peek() == "(":
            inner = self.primary().bare
            return Piece(f"<msqrt>{inner}</msqrt>" if word == "sqrt" else f"<mo>|</mo>{inner}<mo>|</mo>")
        if word in OPERATORS:
            sign = f"<mo>{OPERATORS[word]}</mo>"
            _, _, index = text.partition("_")
            sign = f"<munder>{sign}<mi>{escape(index)}</mi></munder>" if index else sign
            return Piece(f"{sign}{self.factor().markup}")
        if word in FUNCTIONS and self.starts_factor():
            spaced = self.tokens[self.at][2]
            power = f"<mi>{escape(text)}</mi><mo>&#x2061;</mo>{THIN if spaced else ''}"
            return Piece(f"{power}{self.factor().markup}")
        name = symbol(text)
        if self.peek() == "(" and not self.tokens[self.at][2]:  # u(x, 0); with a space it would be a product
            return Piece(f"{name}{self.primary().markup}")
        return Piece(name)


def number(text: str) -> str:
    """A number; 1e-4 as a power of ten."""
    digits, _, exponent = text.partition("e")
    if not exponent:
        return f"<mn>{digits}</mn>"
    power = f"<msup><mn>10</mn><mn>{exponent.replace('-', '−')}</mn></msup>"
    return power if digits == "1" else f"<mn>{digits}</mn><mo>·</mo>{power}"


def symbol(text: str) -> str:
    """A name with its index, Greek letters as such: `u_xx`, `lambda`, `K0`, `u'`."""
    name, primes = text.rstrip("'"), len(text) - len(text.rstrip("'"))
    stem, _, index = name.partition("_")
    letters = stem.rstrip("0123456789")
    if letters in PROSE | WORDS or (letters not in GREEK and letters not in FUNCTIONS and len(letters) > LONGEST):
        raise NotAFormula(text)
    below = index or stem[len(letters) :]
    base = f"<mi>{GREEK.get(letters, letters)}</mi>"
    base += f'<mo lspace="0" rspace="0">{"′" * primes}</mo>' if primes else ""
    if not below:
        return base
    indices = [GREEK[below]] if below in GREEK else below  # the letters of `xx` in italics, as single ones are
    return f"<msub><mrow>{base}</mrow><mrow>{''.join(f'<mi>{letter}</mi>' for letter in indices)}</mrow></msub>"


@dataclass(frozen=True)
class Statement:
    """What a docstring says: its name, the equation with the domain as formulas, and the lines that follow."""

    name: str
    equation: Markup
    lines: tuple[Markup, ...]


def statement(text: str) -> Statement:
    """A problem's docstring for a page. Formulas are set off by two spaces or a line's ends, as in those of pinn."""
    first, *others = items(text)
    head, *parts = re.split(r"\s{2,}", first)
    name, comma, rest = head.partition(", ")
    parts = [rest, *parts] if comma else parts
    return Statement(name.rstrip(".,"), joined(parts, block=True), tuple(map(typeset_line, others)))


def items(text: str) -> list[str]:
    """The lines of a docstring, those put together again that were wrapped; the name alone where there are none."""
    lines: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        for number, line in enumerate(paragraph.splitlines()):
            if number and not NEW_ITEM.match(line.strip()):
                lines[-1] += f"\n{line.strip()}"
            else:
                lines.append(line.strip())
    return lines or [""]


def typeset_line(line: str) -> Markup:
    """A line with its formulas typeset, after its label where it has one; on lines of their own where it is of them."""
    label = LABEL.match(line)
    rest = line[label.end() :] if label else line
    told = Markup("<b>{}</b> ").format(label[1]) if label else Markup("")
    parts = re.split(r"\s{2,}|\n", rest)
    return told + joined(parts, block="=" in parts[0] and formula(parts[0].rstrip(".,;")) is not None and not label)


def joined(parts: list[str], block: bool = False) -> Markup:
    """Text and formulas in turn; block: equations on lines of their own."""
    return Markup(" ").join(typeset_part(part, block and " in [" not in part) for part in parts)


def typeset_part(part: str, block: bool = False) -> Markup:
    """A formula and the text after it, or text alone."""
    if not re.search(r"[=<>]|\bin \[", part):
        return escape(part)
    for end in ends(part):
        body = part[:end].rstrip(".,;")
        typeset = formula(body, block)
        if typeset is not None:
            return typeset + part[len(body) :].lstrip(".,; " if block else "")
    is_prose = re.match(r"[A-Za-z]{4,}\b(?!\()", part) or len(re.findall(r"[A-Za-z]{4,}", part)) > 1
    return escape(part) if is_prose else Markup("<code>{}</code>").format(part)


def ends(part: str) -> list[int]:
    """Where a formula at the beginning may end: at the part's end, or before a word, the farthest first."""
    before = [gap.start() for gap in re.finditer(r"(?<=[^-+*/^=<>]) (?=\(?[A-Za-z]{2,}\b(?![(^]))", part)]
    return [len(part), *(end for end in reversed(before) if re.search(r"[=<>]|\bin \[", part[:end]))]
