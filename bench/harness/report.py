"""The table of bench/RESULTS.md, from the measurements that harness/run.py keeps."""
import os
import platform
import re
from statistics import median

import flink


def machine():
    with open("/proc/cpuinfo") as info:
        model = re.search(r"model name\s*: (.*)", info.read())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model.group(1) if model else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB"


def notes(path):
    """bench/notes.md: `## case`, then why Weir is slower there and what is planned."""
    if not os.path.exists(path):
        return {}
    with open(path) as file:
        parts = re.split(r"^## (\w+)\n", file.read(), flags=re.M)
    return {name: " ".join(text.split()) for name, text in zip(parts[1::2], parts[2::2])}


def figures(costs, figure):
    values = [c["cpu_s" if figure == "cpu" else "wall_s"] for c in costs]
    return min(values), median(values), min(c["wall_s"] for c in costs), median(c["peak_mb"] for c in costs)


def cell(costs, figure):
    if not costs:
        return "–"
    low, mid, wall, peak = figures(costs, figure)
    digits = 3 if figure == "wall" else 2
    return f"{low:.{digits}f} / {mid:.{digits}f} ({wall:.2f}, {peak:.0f})"


def row(case, result, reasons):
    runs = result["runs"]
    best = min(((figures(runs[p], case.figure)[0], p) for p in case.peers if runs.get(p)), default=None)
    ratio, remark = "–", case.note
    if runs.get("weir") and best:
        value = figures(runs["weir"], case.figure)[0] / best[0]
        ratio = f"**{value:.2f}** {best[1]}"
        if value > 1:
            ratio += " ✗"
        if value > case.goal or case.name in reasons:
            remark = " ".join([remark, reasons.get(case.name, "Not explained yet.")]).strip()
    if runs.get("weir") and case.budget_mb:
        peak = max(c["peak_mb"] for c in runs["weir"]) * 1.048576
        remark = f"{remark} Peak {peak:.0f} MB of {case.budget_mb:.0f} MB{' ✗' if peak > 1.1 * case.budget_mb else ''}.".strip()
    shown = {engine: runs.get(engine) for engine in ("weir", *case.peers)}
    if result.get("apart") and runs.get("weir"):
        remark = f"{remark} Weir and its peers were measured apart.".strip()
    cells = [cell(shown.get(engine), case.figure) for engine in ("weir", "duckdb", "polars", "datafusion")]
    refused = [f"{engine}: {text}" for engine, text in result.get("failures", {}).items() if engine != "flink"]
    return f"| {case.title} | " + " | ".join(cells) + f" | {ratio} | ≤ {case.goal} | " + " ".join([remark] + refused).strip() + " |"


def flink_lines(cases, results):
    """The second table: the rows that Flink was measured for."""
    kept, lines = flink.queries(), []
    for case in cases:
        runs = results.get(case.name, {}).get("runs", {})
        failed = results.get(case.name, {}).get("failures", {}).get("flink")
        if not runs.get("weir") or not (runs.get("flink") or failed):
            continue
        ratio = "–"
        if runs.get("flink"):
            value = figures(runs["flink"], "cpu")[0] / figures(runs["weir"], "cpu")[0]
            ratio = f"**{value:.0f} ×**" + ("" if value >= flink.GOAL else " ✗")
        remark = failed or ("" if kept.get(case.name) else "Flink writes nothing: its answer is a stream of changes.")
        lines.append(f"| {case.title} | {cell(runs['weir'], 'cpu')} | {cell(runs.get('flink'), 'cpu')} | {ratio} | {remark} |")
    if not lines:
        return []
    return ["", "## Beside Flink", "",
            "Flink 2.1.1, SQL in streaming mode, parallelism 2, state on the heap, bundles of 50,000 rows; the start of the JVM and of the "
            "cluster is within its figures. Both read the same Parquet files; Weir writes its answer as Parquet always. Cells as above; "
            f"goal: ≥ {flink.GOAL} × less CPU.", "",
            "| what | Weir | Flink | ratio | remark |", "|---|---|---|---|---|"] + lines


def render(cases, results, reasons):
    versions = next((r["versions"] for r in results.values() if "versions" in r), {})
    lines = [
        "# Results of bench/run", "",
        f"Machine: {machine()}. Weir {versions.get('weir', '?')}, " +
        ", ".join(f"{name} {version}" for name, version in versions.items() if name != "weir") + ".", "",
        "Each cell: CPU seconds of the whole process, minimum / median (wall seconds, minimum; peak memory in MiB, median). "
        "Start-up: wall seconds. Runs are interleaved unless the remark says otherwise, two threads each, on the same bytes; answers were compared before "
        "times were taken; Parquet is zstd level 1 everywhere. Ratio: Weir against the best peer, minimum against "
        "minimum; ✗ marks rows that Weir loses. A remark says why a row misses its goal.", "",
        "| what | Weir | DuckDB | Polars | DataFusion | ratio | goal | remark |", "|---|---|---|---|---|---|---|---|"]
    lines += [row(case, results[case.name], reasons) for case in cases if case.name in results]
    lines += flink_lines(cases, results)
    dates = sorted({r["date"] for r in results.values()})
    lines += ["", f"Measured {dates[0]}" + (f" to {dates[-1]}" if len(dates) > 1 else "") + "."] if dates else []
    if "machine" in reasons:
        lines += ["", reasons["machine"]]
    return "\n".join(lines) + "\n"
