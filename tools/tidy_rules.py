"""What the style check bans: (pattern, remedy, where it is fine)."""
import re

OUTSIDE_SRC = ("tests/", "bench/", "tools/")


def banned(pattern, remedy, *where):
    return re.compile(pattern), remedy, where


BANNED = [
    banned(r"\bstd::s?rand\b|(?<![\w.:>])s?rand\(|\bstd::random_device\b", "take randomness from env, so that a seed repeats a run",
           "src/env/", *OUTSIDE_SRC),
    banned(r"(?<![\w.:>])system\(|(?<![\w.>])popen\(", "no shell: spawn with an argument list", *OUTSIDE_SRC),
    banned(r"(?<!\w)v?sprintf\(", "std::snprintf or std::to_chars"),
    banned(r"(?<![\w.:>])(?:std::)?(?:strcpy|strcat|strncpy|strtok|gets)\(", "std::string_view and std::string"),
    banned(r"\bstd::regex\b|#include <regex>", "RE2: linear time, and it cannot overflow the stack"),
    banned(r"(?<!\w)throw\b", "return a Status; nothing of ours throws"),
    banned(r"\bstd::sto(?:i|l|ll|ul|ull|f|d|ld)\(|(?<![\w.:>])ato[ifl]l?\(", "std::from_chars: no exception, no locale",
           *OUTSIDE_SRC),
    banned(r"\bstd::c(?:out|err)\b|#include <iostream>|(?<![\w.:>])(?:std::)?printf\(|\bstd::printf\(",
           "only src/cli writes to the terminal: return a value or a Status", "src/cli/", *OUTSIDE_SRC),
    banned(r"\bstd::endl\b", "'\\n': endl flushes"),
    banned(r"\bsleep_for\(|\bsleep_until\(|(?<![\w.:>])u?sleep\(|\bnanosleep\(", "sleep through env, whose clock tests move",
           "src/env/", *OUTSIDE_SRC),
    banned(r"\bsystem_clock::now\(|(?<![\w.:>])time\((?:nullptr|NULL|0)\)|\bgettimeofday\(", "ask env for the time, so that tests can set it",
           "src/env/", *OUTSIDE_SRC),
    banned(r"(?<![\w.:>])(?:std::)?(?:gmtime|localtime|asctime|ctime|setlocale)\(", "not safe with threads: date/tz or the kernels of expr"),
    banned(r"(?<!\w)(?:std::)?getenv\(", "settings come in as parameters; src/cli reads the environment", "src/cli/", "src/env/",
           *OUTSIDE_SRC),
    banned(r"(?<![\w.>])::open\(|(?<![\w.:>])(?:std::)?fopen\(|\bstd::[io]?fstream\b", "files go through env, which tests replace", "src/env/", "src/cli/",
           *OUTSIDE_SRC),
    banned(r"(?<![\w.:>])(?:std::)?_?exit\(", "return a Status to main", "src/cli/", *OUTSIDE_SRC),
    banned(r"(?<![\w.:>])assert\(|#include <cassert>", "WEIR_CHECK: it stays in release builds"),
    banned(r"^using namespace\b", "name what you use"),
    banned(r"\bpthread_(?!setname_np|self)\w+\(", "std::thread and std::mutex", "src/env/"),
]

BANNED_WORDS = [
    (re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b"), "do it, or leave it out"),
    (re.compile(r"\.\./shared\b"), "no file of the project refers to that folder"),
    (re.compile(r"\b(?:not|un)[ -]?implemented\b(?! by)(?<!NotImplemented)", re.I), "a user cannot act on that: say what is refused and why"),
]
