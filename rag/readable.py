"""TeX as a person reads it, for display and for search. What is stored, quoted and checked stays as it is.

A table and a few linear passes, no TeX parser: abstracts hold lone dollar signs, per cent
signs that are no comments, and half a formula, and of all these no word may get lost. A
command that is not in the table therefore stays as it stands.
"""

from __future__ import annotations

import re
import unicodedata

_ACCENTS = {
    '"': "\u0308", "'": "\u0301", "`": "\u0300", "^": "\u0302", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "c": "\u0327", "v": "\u030c", "H": "\u030b", "u": "\u0306", "k": "\u0328", "r": "\u030a", "b": "\u0331",
    "d": "\u0323",
}  # fmt: skip

_CHARACTERS = """
ss:ß o:ø O:Ø ae:æ AE:Æ oe:œ OE:Œ aa:å AA:Å l:ł L:Ł i:i j:j th:þ TH:Þ dh:ð DH:Ð dj:đ DJ:Đ ng:ŋ NG:Ŋ S:§ P:¶
pounds:£ euro:€ copyright:© dag:† ddag:‡ alpha:α beta:β gamma:γ delta:δ epsilon:ϵ varepsilon:ε zeta:ζ eta:η
theta:θ vartheta:ϑ iota:ι kappa:κ lambda:λ mu:μ nu:ν xi:ξ omicron:ο pi:π varpi:ϖ rho:ρ varrho:ϱ sigma:σ
varsigma:ς tau:τ upsilon:υ phi:ϕ varphi:φ chi:χ psi:ψ omega:ω Gamma:Γ Delta:Δ Theta:Θ Lambda:Λ Xi:Ξ Pi:Π Sigma:Σ
Upsilon:Υ Phi:Φ Psi:Ψ Omega:Ω times:× div:÷ pm:± mp:∓ cdot:· cdots:⋯ ldots:… dots:… ast:∗ star:⋆ circ:∘ bullet:•
le:≤ leq:≤ leqslant:≤ ge:≥ geq:≥ geqslant:≥ ne:≠ neq:≠ ll:≪ gg:≫ sim:∼ simeq:≃ approx:≈ cong:≅ equiv:≡ propto:∝
lesssim:≲ gtrsim:≳ prec:≺ succ:≻ perp:⊥ parallel:∥ mid:| infty:∞ partial:∂ nabla:∇ sum:∑ prod:∏ int:∫ oint:∮
sqrt:√ hbar:ħ ell:ℓ Re:ℜ Im:ℑ aleph:ℵ prime:′ degree:° angstrom:Å odot:⊙ oplus:⊕ otimes:⊗ dagger:† ddagger:‡
angle:∠ triangle:△ square:□ to:→ rightarrow:→ longrightarrow:→ leftarrow:← leftrightarrow:↔ Rightarrow:⇒
Leftarrow:⇐ Leftrightarrow:⇔ iff:⇔ implies:⇒ mapsto:↦ uparrow:↑ downarrow:↓ in:∈ notin:∉ ni:∋ subset:⊂
subseteq:⊆ supset:⊃ supseteq:⊇ cup:∪ cap:∩ setminus:∖ emptyset:∅ varnothing:∅ forall:∀ exists:∃ neg:¬ wedge:∧
land:∧ vee:∨ lor:∨ langle:⟨ rangle:⟩ lfloor:⌊ rfloor:⌋ lceil:⌈ rceil:⌉
"""
_LETTERS = dict(pair.split(":") for pair in _CHARACTERS.split())
_WORDS = "log ln exp sin cos tan min max sup inf lim det dim ker Pr arg gcd mod sinh cosh tanh"
_LETTERS |= {name: name for name in _WORDS.split()}

_DOUBLE_STRUCK = dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True))

_ACCENTED = re.compile(
    r"""\\(?:(?P<mark>["'`^~=.])\ ?|(?P<letter>[cvHukrbd])(?:\ +|(?=\{)))
        (?:\{\s{0,2}\\?(?P<braced>[A-Za-z])\s{0,2}\}|\\(?P<dotless>[ij])(?![A-Za-z])\ ?|(?P<bare>[A-Za-z]))""",
    re.VERBOSE,
)
_NAMED = re.compile(r"\\([A-Za-z]+)(\{\}|[ ]+(?=[^ ])|)")
_STRUCK = re.compile(r"\\mathbb\s?(?:\{\s?([A-Z])\s?\}|\s([A-Z]))")
_FONT = re.compile(
    r"\\(?:emph|text(?:bf|it|rm|tt|sc|sf|sl|up|normal|subscript)?|math(?:rm|bf|it|cal|sf|tt|scr|frak|bb)|mbox|hbox|"
    r"operatorname|boldsymbol|bm|underline|ensuremath|uppercase|url)\*?\s?(?=\{)"
    r"|\\(?:em|bf|it|rm|tt|sc|sl|sf|cal|displaystyle|textstyle|left|right|big|Big|bigl|bigr|limits|nolimits|noindent)"
    r"(?![A-Za-z])\s?"
)
_FRACTION = re.compile(r"\\[dt]?frac\s?\{([^{}]{1,200})\}\s?\{([^{}]{1,200})\}")
_RAISED = re.compile(r"([\^_])\{([^{}]{0,200})\}")
# As Pandoc has it, so that "$5 or $6" stays: nothing blank inside next to the signs, no digit behind.
# What may not stand before the sign comes after it, so that the engine skips to signs instead of looking everywhere.
_FORMULA = re.compile(r"\$(?<!\\\$)(?![\s$])([^$]{1,1000})(?<![\s\\])\$(?!\d)")
_DISPLAY = re.compile(r"\$\$([^$]{1,1000})\$\$")
_BRACKETS = re.compile(r"\\[()\[\]]")
_ESCAPED = re.compile(r"\\([&%#_$])")
_SPACING = re.compile(r"\\[,;:!> ]|\\q?quad(?![A-Za-z])")
_TIE = re.compile(r"(?<=[A-Za-z.])~(?=[A-Za-z0-9\\$])")
_DASHES = re.compile(r"(?<=[^\W_])(---?)(?=[^\W_])|(?<=\s)(---?)(?=\s)")
_QUOTED = re.compile(r"``([^`']{1,300})''")


def readable(text: str) -> str:
    """``text`` with TeX accents, Greek and common symbols as characters and without dollar signs and braces.

    Text without TeX comes back as it is. Never raises, takes time linear in the length,
    and drops no word: what it doesn't know it leaves.
    """
    if "\\" not in text and "$" not in text and "{" not in text and "--" not in text and "~" not in text:
        return text
    has_tex = "\\" in text or "{" in text
    if has_tex:
        text = text.replace("\ue000", "").replace("\ue001", "").replace("\\{", "\ue000").replace("\\}", "\ue001")
    if "$" in text:
        # The braces keep "$\Lambda$CDM" from becoming the command \LambdaCDM.
        end = "{}" if has_tex else ""
        text = _DISPLAY.sub(lambda m: f" {m[1]} ", text)
        text = _FORMULA.sub(lambda m: m[1] + end, text)
    # Looking for one fixed piece of each pattern first is many times faster than the pattern.
    if "~" in text:
        text = _TIE.sub(" ", text)
    if "--" in text:
        text = _DASHES.sub(lambda m: "—" if len(m[1] or m[2]) == 3 else "–", text)
    if "``" in text:
        text = _QUOTED.sub("“\\1”", text)
    if not has_tex:
        return text
    if "\\" in text:
        text = _BRACKETS.sub("{}", text)
        text = _ACCENTED.sub(_accented, text)
        if "\\mathbb" in text:
            text = _STRUCK.sub(lambda m: _DOUBLE_STRUCK.get(m[1] or m[2], m[1] or m[2]), text)
        text = _FONT.sub("", text)
        text = _NAMED.sub(_named, text)
        if "frac" in text:
            text = _FRACTION.sub(r"\1/\2", text)
    if "^{" in text or "_{" in text:
        text = _RAISED.sub(r"\1\2", text)
    if "\\" in text:
        text = _SPACING.sub(" ", text)
        text = _ESCAPED.sub(r"\1", text)
    return text.replace("{", "").replace("}", "").replace("\ue000", "{").replace("\ue001", "}")


def named_signs(text: str) -> tuple[str, ...]:
    """The names of the Greek letters and symbols that TeX in ``text`` stands for, each once: 'alpha', 'times'."""
    if "\\" not in text:
        return ()
    names = dict.fromkeys(match[1] for match in _NAMED.finditer(text))
    return tuple(name for name in names if len(name) > 2 and name in _LETTERS)


def _accented(match: re.Match[str]) -> str:
    letter = match["braced"] or match["dotless"] or match["bare"]
    return unicodedata.normalize("NFC", letter + _ACCENTS[match["mark"] or match["letter"]])


def _named(match: re.Match[str]) -> str:
    """The character; a blank that only ended the command's name goes if the next thing is stuck to it in print."""
    if (character := _LETTERS.get(match[1])) is None:
        return match[0] + " " if match.string.startswith("{", match.end()) else match[0]
    is_letter = len(character) == 1 and character.isalpha() and not "α" <= character <= "ϵ"
    return character if is_letter or match[2] in ("", "{}") else character + " "
