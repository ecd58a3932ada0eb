"""python check.py OUT FORMAT [COLUMN…]: the fingerprint of an answer, as JSON: rows, a hash of all exact columns (sum over
rows, so order does not matter), the sum of each inexact column (doubles, decimals) and of each column of numbers. Engines choose
different types for the same answer, so integers are compared as BIGINT, times as µs, texts as VARCHAR. With `sorted:` before a column list the
rows must also be in that order (a minus before a column: descending)."""
import json
import os
import sys

import duckdb


def source(path, kind):
    if os.path.isdir(path):
        path += "/**"
    return f"read_json('{path}', format='newline_delimited')" if kind == "json" else f"read_parquet('{path}')"


def normalized(name, kind):
    quoted = f'"{name}"'
    if "TIMESTAMP" in kind or kind == "DATE":
        return f"epoch_us({quoted})", True
    if kind in ("DOUBLE", "FLOAT", "HUGEINT") or kind.startswith("DECIMAL"):
        return f"{quoted}::DOUBLE", False
    return f"{quoted}::BIGINT" if "INT" in kind else f"{quoted}::VARCHAR", True


def fingerprint(path, kind, columns, order):
    con = duckdb.connect(config={"threads": 2, "memory_limit": "6GB"})
    con.execute("set timezone='UTC'")
    types = {row[0]: row[1] for row in con.execute(f"describe select * from {source(path, kind)}").fetchall()}
    columns = columns or sorted(types)
    parts = [normalized(c, types[c]) for c in columns]
    exact = [text for text, is_exact in parts if is_exact]
    selects = ["count(*)", f"sum(hash({', '.join(exact)}))::VARCHAR" if exact else "''"]
    selects += [f"sum({text})" for text, is_exact in parts if not is_exact]
    numbers = [c for c in columns if normalized(c, types[c])[0].rpartition("::")[2] in ("DOUBLE", "BIGINT")]
    selects += [f'sum("{c}")::DOUBLE' for c in numbers]
    row = con.execute(f"select {', '.join(selects)} from {source(path, kind)}").fetchone()
    inexact = [c for c, (_, is_exact) in zip(columns, parts) if not is_exact]
    answer = {"rows": row[0], "hash": row[1], "sums": dict(zip(inexact, row[2:])), "columns": sorted(columns),
              "totals": dict(zip(numbers, row[2 + len(inexact):]))}
    if order:
        con.execute("set threads=1")
        before = " or ".join(
            "(" + " and ".join([f"p{j} = {c.lstrip('-')}" for j, c in enumerate(order[:i])] +
                               [f"p{i} {'<' if c[0] == '-' else '>'} {c.lstrip('-')}"]) + ")"
            for i, c in enumerate(order))
        names = [c.lstrip("-") for c in order]
        lags = ", ".join(f"lag({c}) over () as p{i}" for i, c in enumerate(names))
        answer["out_of_order"] = con.execute(
            f"select count(*) from (select {', '.join(names)}, {lags} from {source(path, kind)}) where {before}").fetchone()[0]
    return answer


def main(path, kind, *rest):
    order = [c for c in rest if c.startswith("sorted:")]
    columns = [c for c in rest if not c.startswith("sorted:")]
    print(json.dumps(fingerprint(path, kind, columns, order[0][7:].split(",") if order else [])))


if __name__ == "__main__":
    main(*sys.argv[1:])
