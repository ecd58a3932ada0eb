"""Just enough of C++ for the style check: comments and strings blanked out, and where functions begin and end."""
import re

TOKEN = re.compile(
    r'//[^\n]*'
    r'|/\*.*?\*/'
    r'|R"([^\s()\\]{0,16})\(.*?\)\1"'
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|(?<![0-9A-Fa-f])'(?:[^'\\\n]|\\[^\n]{1,10}?)'",
    re.S)


def blank_out(text):
    """`text` with comments and literals replaced by spaces: same length, same lines. #include lines stay."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return TOKEN.sub(blank, text)


TYPE = re.compile(r"^\s*(?:template\s*<.*>\s*)?(?:typedef\s+)?(?:class|struct|union|enum)\b")
SIGNATURE = re.compile(r"\)\s*(?:const|noexcept|override|final|mutable|&|requires\b[^{]*|->[^{;]*|try|:[^:].*|\s)*$", re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)


def kind_of(head):
    """What a brace opens whose declaration is `head`, outside of functions."""
    if re.search(r"\bnamespace\b|\bextern\s*$", head):
        return "namespace"
    if SIGNATURE.search(head) and "=" not in re.sub(r"operator\s*\S+|\([^()]*\)|[=!<>]=", "", head):
        return "function"
    if TYPE.search(re.sub(r"alignas\([^)]*\)|\[\[[^\]]*\]\]", "", head)):
        return "type"
    if SIGNATURE.search(head):
        return "function"  # a lambda given to a constant
    return "data"


def functions(blanked):
    """(first line, last line, name) of each function that stands in a namespace or a class; lines count from 1."""
    text = DIRECTIVE.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), blanked)
    stack, head = [], 0
    for match in re.finditer(r"[{};]|\b(?:public|private|protected)\s*:", text):
        mark = match.group(0)
        outside = not stack or stack[-1][0] in ("namespace", "type")
        if mark == "{":
            declaration = text[head:match.start()]
            # A constructor's member{initialiser} is not its body: the body follows `}` or `)`, not a name.
            kind = kind_of(declaration) if outside else "inside"
            if outside and re.search(r"\)[\s\w]*:[^:].*[\w>]\s*$", declaration, re.S):
                kind = "initialiser"
            stack.append((kind, head, declaration))
            if kind not in ("initialiser", "data"):
                head = match.end()
        elif mark == "}":
            if not stack:
                return
            kind, begin, declaration = stack.pop()
            if kind == "function":
                lead = len(declaration) - len(declaration.lstrip())
                name = re.search(r"([~\w:]+|operator\s*\S+)\s*\(", declaration)
                yield (text.count("\n", 0, begin + lead) + 1, text.count("\n", 0, match.start()) + 1,
                       name.group(1) if name else "a function")
            if kind not in ("initialiser", "data"):
                head = match.end()
        elif outside:
            head = match.end()
