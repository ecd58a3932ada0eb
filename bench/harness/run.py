"""bench/run: measures Weir and its peers on the same bytes and writes bench/RESULTS.md. See --help."""
import argparse
import datetime
import json
import math
import os
import shutil
import subprocess
import sys
from importlib import metadata

import cases
import flink
import measure
import nexmark
import report

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "weir-bench")


def arguments():
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("--only", action="append", metavar="NAME", help="this row (repeatable); the others are kept")
    parser.add_argument("--runs", type=int, default=5, help="runs of each engine (5)")
    parser.add_argument("--quick", action="store_true", help="3 runs, a tenth of the data, table to stdout only")
    parser.add_argument("--engines", default="weir,duckdb,polars,datafusion,flink", help="comma-separated")
    parser.add_argument("--flink-runs", type=int, default=1, help="runs of Flink, which takes half a minute for one (1)")
    parser.add_argument("--endless", action="store_true", help="bench/latency/run too")
    parser.add_argument("--table", action="store_true", help="measure nothing, write the table from what was kept")
    parser.add_argument("--weir", default=os.path.join(os.path.dirname(BENCH), "build/release/bin/weir"))
    parser.add_argument("--data", help=f"folder of the data ({CACHE}/full)")
    parser.add_argument("--list", action="store_true", help="list the rows")
    return parser.parse_args()


class Runner:
    def __init__(self, args):
        self.args = args
        self.data = os.path.realpath(args.data or os.path.join(CACHE, "small" if args.quick else "full"))
        self.out = os.path.join(CACHE, "out")
        os.makedirs(self.out, exist_ok=True)
        self.flink_missing = flink.missing(CACHE)
        if self.flink_missing and "flink" in args.engines:
            print(f"bench/run: FLINK IS NOT MEASURED: {self.flink_missing}", file=sys.stderr)
        self.env = dict(os.environ, POLARS_MAX_THREADS="2", PYTHONDONTWRITEBYTECODE="1")

    def command(self, engine, case):
        out = self.path(engine, case)
        if engine == "flink":
            return flink.command(CACHE, case.name, self.data, out)
        if engine != "weir":
            return [sys.executable, f"{BENCH}/peers/{engine}_peer.py", case.name, self.data, out]
        if case.query:
            values = {**nexmark.files(f"{self.data}/nexmark", late=case.name != case.query), "out": out}
            return [self.args.weir, "run", nexmark.path(case.query), *nexmark.arguments(case.query, values), *case.weir_args]
        return [self.args.weir, case.verb, self.pipeline(case), "-p", f"data={self.data}", "-p", f"out={out}",
                *case.weir_args]

    def pipeline(self, case):
        if case.name != "plan":
            return f"{BENCH}/pipelines/{case.name}.yaml"
        path = os.path.join(self.out, "plan.yaml")
        steps = [f"  - {{type: Filter, config: {{keep: element > {i}}}}}\n" for i in range(9998)]
        with open(path, "w") as file:
            file.write("params: {data: {type: string, default: x}, out: {type: string, default: x}}\n"
                       "pipeline:\n  type: chain\n  transforms:\n  - {type: Create, config: {elements: [1]}}\n" +
                       "".join(steps) + "  - type: Print\n")
        return path

    def path(self, engine, case):
        extension = {"json": "ndjson"}.get(case.kind, case.kind)
        return os.path.join(self.out, f"{case.name}-{engine}.{extension}")

    def remove(self, path):
        for victim in (path, path + ".spill"):
            shutil.rmtree(victim, ignore_errors=True)
            if os.path.exists(victim):
                os.remove(victim)

    def once(self, engine, case):
        path = self.path(engine, case)
        self.remove(path)
        return measure.run(self.command(engine, case), self.env, log=os.path.join(self.out, f"{case.name}-{engine}.log"))

    def failure(self, engine, case, cost):
        if cost.exit_code == 0:
            return None
        with open(os.path.join(self.out, f"{case.name}-{engine}.log"), errors="replace") as log:
            lines = log.read().strip().splitlines()
        return f"exit code {cost.exit_code}: {lines[-1][:200] if lines else 'no message'}"

    def engines(self, case):
        asked = self.args.engines.split(",")
        found = [e for e in asked if e == "weir" or e in case.peers]
        if "flink" in asked and not self.flink_missing and case.name in flink.queries():
            found.append("flink")
        return found

    def first(self, engine, case):
        """The run whose answer is looked at: the cost, and the answer or None."""
        path = self.path(engine, case)
        if engine != "flink":
            cost = self.once(engine, case)
            return cost, None if cost.exit_code else self.fingerprint(engine, case)
        folder = f"{path}-check"
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        argv = flink.command(CACHE, case.name, self.data, folder) + ["check"]
        cost = measure.run(argv, self.env, log=os.path.join(self.out, f"{case.name}-{engine}.log"))
        found, answer = os.path.join(folder, case.name), None
        if cost.exit_code == 0:
            answer = self.check(found, case) if flink.queries()[case.name] else flink.totals(found)
        shutil.rmtree(folder)
        return cost, answer

    def fingerprint(self, engine, case):
        return self.check(self.path(engine, case), case)

    def check(self, path, case):
        if case.kind == "none":
            return {}
        argv = [sys.executable, f"{BENCH}/harness/check.py", path, case.kind, *case.columns]
        if case.order:
            argv.append("sorted:" + case.order)
        done = subprocess.run(argv, capture_output=True, text=True)
        return json.loads(done.stdout) if done.returncode == 0 else {"error": done.stderr.strip().splitlines()[-1][:300]}

    def measure(self, case):
        """Answers first, then times. An engine with a wrong answer is not measured."""
        answers, failures = {}, {}
        for engine in self.engines(case):
            cost, answer = self.first(engine, case)
            failed = self.failure(engine, case, cost)
            if failed:
                failures[engine] = failed
            else:
                answers[engine] = answer
            self.remove(self.path(engine, case))
        reference = next((answers[e] for e in ("duckdb", "datafusion", "polars", "weir") if e in answers), {})
        for engine, answer in list(answers.items()):
            if difference := differs(reference, answer, case.tolerance):
                failures[engine] = "wrong answer: " + difference
                del answers[engine]
        runs = {engine: [] for engine in answers}
        for i in range(case.runs or (3 if self.args.quick else self.args.runs)):
            for engine in runs:
                if engine == "flink" and i >= self.args.flink_runs:
                    continue
                runs[engine].append(vars(self.once(engine, case)))
                self.remove(self.path(engine, case))
        return {"runs": runs, "failures": failures, "rows": reference.get("rows"), "versions": self.versions(),
                "date": datetime.date.today().isoformat()}

    def versions(self):
        found = {name: metadata.version(name) for name in cases.PEERS}
        if os.path.exists(self.args.weir):
            done = subprocess.run([self.args.weir, "version"], capture_output=True, text=True)
            found["weir"] = done.stdout.strip().splitlines()[0].removeprefix("weir ") if done.stdout else "?"
        return found


def differs(a, b, tolerance):
    if "error" in b:
        return b["error"]
    if "hash" not in b:
        b = {**{key: a.get(key) for key in ("hash", "columns", "sums")}, **b}  # of a stream of changes there are only totals
    for column, value in b.get("totals", {}).items():
        if column in a["totals"] and not math.isclose(value, a["totals"][column] or 0, rel_tol=1e-9):
            return f"sum of {column} {value} instead of {a['totals'][column]}"
    for key in ("rows", "hash", "columns", "out_of_order"):
        if a.get(key) != b.get(key):
            return f"{key} {b.get(key)} instead of {a.get(key)}"
    if a.get("out_of_order"):
        return f"{a['out_of_order']} rows out of order"
    for column, value in a.get("sums", {}).items():
        if not math.isclose(value or 0, b["sums"].get(column) or 0, rel_tol=tolerance):
            return f"sum of {column} {b['sums'].get(column)} instead of {value}"
    return None


def main():
    args = arguments()
    chosen = [] if args.table else [c for c in cases.CASES if (c.name in args.only if args.only else not (args.quick and c.name.startswith("big")))]
    if args.list:
        print("\n".join(f"{c.name:22} {c.title}" for c in cases.CASES))
        return
    if unknown := set(args.only or []) - {c.name for c in cases.CASES}:
        sys.exit(f"bench/run: no row {', '.join(sorted(unknown))}; --list names them")
    kept = os.path.join(CACHE, "results-quick.json" if args.quick else "results.json")
    results = {}
    if os.path.exists(kept):
        with open(kept) as file:
            results = json.load(file)
    runner = Runner(args)
    reasons = report.notes(os.path.join(BENCH, "notes.md"))
    for case in chosen:
        old = results.get(case.name, {"runs": {}})
        new = runner.measure(case)
        # Engines that were left out this time keep the figures that they had; the table says so.
        new["apart"] = any(e not in args.engines.split(",") for e in old["runs"])
        new["runs"] = {**{e: r for e, r in old["runs"].items() if e not in args.engines.split(",")}, **new["runs"]}
        results[case.name] = new
        print(report.row(case, new, reasons), flush=True)
        with open(kept, "w") as file:
            json.dump(results, file)
    endless = os.path.join(CACHE, "endless-quick.md" if args.quick else "endless.md")
    if args.endless:
        argv = [f"{BENCH}/latency/run", "--weir", args.weir] + (["--quick"] if args.quick else [])
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        with open(endless, "w") as file:
            file.write(done.stdout)
    text = report.render(cases.CASES, results, reasons)
    if os.path.exists(endless):
        with open(endless) as file:
            text += "\n## What never ends\n" + file.read()
    if args.quick:
        print("\n" + text)
        return
    with open(os.path.join(BENCH, "RESULTS.md"), "w") as file:
        file.write(text)


if __name__ == "__main__":
    main()
