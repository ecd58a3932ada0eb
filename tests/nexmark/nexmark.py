"""Every Nexmark query of bench/nexmark, on 100,000 events: from files of each format, from the generator, and as a stream in order
and out of order. The answer is that of DuckDB over the same events, and has as many rows as independent implementations
of the benchmark found.

  tests/nexmark/run [QUERY…]     WEIR names the program, WEIR_TEST_FILTER a part of a test's name
"""
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [f"{ROOT}/bench/harness", f"{ROOT}/bench/peers"]
import cases  # noqa: E402
import check  # noqa: E402
import duckdb  # noqa: E402
import duckdb_peer  # noqa: E402
import nexmark  # noqa: E402
from run import differs  # noqa: E402

WEIR = os.environ.get("WEIR", f"{ROOT}/build/release/bin/weir")
FILTER = os.environ.get("WEIR_TEST_FILTER", "")
COUNT = 100_000
# Rows of the answer over Beam's first 100,000 events, as other implementations have them.
KNOWN_ROWS = {"q0": 92_000, "q1": 92_000, "q2": 351, "q3": 580, "q4": 5, "q5": 15, "q7": 1, "q8": 902, "q9": 4_052,
              "q11": 1_919, "q12": 1_919, "q13": 92_000, "q14": 26_069, "q15": 1, "q17": 4_657, "q18": 25_248,
              "q19": 35_135, "q20": 14_419, "q22": 92_000, "q23": 147_405}
QUERIES = {case.name: case for case in cases.CASES if case.query == case.name}
# All bids come within 10 s of processing time: one pane for each bidder.
QUERIES["q12"] = cases.Case("q12", "", 0)
duckdb_peer.sql.NEXMARK["q12"] = "select bidder, count(*) as bid_count from {bid} group by bidder"
# Their answers change as a stream goes on; here they go to the file as rows with a weight.
CHANGING = {"q4", "q9", "q18", "q19"}
RETRACTING = {"type": "global", "trigger": {"repeat": {"after_count": 1000}}, "accumulation": "retracting"}
CHANNELS = {"q16", "q20", "q21", "q22"}  # read what Beam's events do not have


def weir(path, *arguments):
    """Runs a pipeline; None, or what went wrong."""
    done = subprocess.run([WEIR, "run", "-q", path, *arguments], capture_output=True, text=True)
    return None if done.returncode == 0 else f"exit status {done.returncode}: {done.stderr.strip()[:2000]}"


def remove(path):
    """A file, or the folder that a stream writes."""
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.remove(path)


class Suite:
    def __init__(self, folder):
        self.folder = folder
        self.failed = False
        self.answers = {}

    def make_files(self, mode, write, extension):
        """Files DATA/nexmark/{bid,auction,person}.EXTENSION, as bench/setup lays them out."""
        data = f"{self.folder}/{mode}"
        os.makedirs(f"{data}/nexmark", exist_ok=True)
        bids = "WithChannels" if mode == "beam" else "Bids"
        values = {"mode": mode, "bids": bids, "count": COUNT, "write": write, "extension": extension, "out": f"{data}/nexmark"}
        problem = weir(f"{ROOT}/tests/nexmark/events.yaml", *(x for k, v in values.items() for x in ("-p", f"{k}={v}")))
        if problem:
            sys.exit(f"events.yaml: {problem}")
        with open(f"{data}/nexmark/side_input.csv", "w") as side:
            side.write("key,value\n" + "".join(f"{i},{i}\n" for i in range(10_000)))
        return data

    def expected(self, query, data):
        """The fingerprint of DuckDB's answer."""
        if (query, data) not in self.answers:
            out = f"{self.folder}/expected.parquet"
            con = duckdb.connect(config={"threads": 2})
            con.execute("set timezone='UTC'")
            con.execute(f"copy ({duckdb_peer.query(query, data)}) to '{out}' (format parquet)")
            self.answers[query, data] = check.fingerprint(out, "parquet", list(QUERIES[query].columns), [])
        return self.answers[query, data]

    def with_changes(self, query):
        """The pipeline of a query, with a ToChanges before its sink."""
        path = f"{self.folder}/{query}.yaml"
        with open(nexmark.path(query)) as file:
            steps, sink, rest = file.read().partition("  - type: WriteToParquet\n")
        last = rest.split("\n")[0].strip()
        with open(path, "w") as file:
            file.write(f"{steps}  - {{type: ToChanges, {last}, config: {{form: weight}}}}\n" + sink + rest.replace(last, "input: ToChanges", 1))
        return path

    def add_up(self, out):
        """The rows that are left when what was taken back is gone, as a file in place of the changes."""
        left = f"{self.folder}/left.parquet"
        duckdb.execute("set timezone='UTC'")
        duckdb.execute(f"""copy (select * exclude (total, i) from (select *, unnest(range(total)) as i from (
            select * exclude (weight), sum(weight)::BIGINT as total from {check.source(out, "parquet")} group by all having total > 0)))
            to '{left}' (format parquet)""")
        remove(out)
        os.rename(left, out)

    def report(self, name, problem):
        if problem:
            self.failed = True
            print(f"not ok {name} - {problem.splitlines()[0]}")
            print("".join(f"# {line}\n" for line in problem.splitlines()[1:]), end="", flush=True)
        else:
            print(f"ok {name}", flush=True)

    def run(self, name, query, data, sources, *options):
        """`sources`: the parameters that say where the events come from."""
        if FILTER not in name:
            return
        out = f"{self.folder}/out.parquet"
        remove(out)
        changes = query in CHANGING and any("unbounded" in settings for settings in sources.values())
        path = self.with_changes(query) if changes else nexmark.path(query)
        problem = weir(path, *nexmark.arguments(query, {**sources, "out": out}), *options)
        if not problem:
            if changes:
                self.add_up(out)
            expected = self.expected(query, data)
            problem = differs(expected, check.fingerprint(out, "parquet", list(QUERIES[query].columns), []), 1e-9)
            known = KNOWN_ROWS.get(query)
            if not problem and known and data.endswith("beam") and expected["rows"] != known:
                problem = f"{expected['rows']} rows, known are {known}"
        self.report(name, problem)


# In text a time is a string unless a schema says otherwise.
SCHEMAS = {
    "bid": dict.fromkeys(("auction", "bidder", "price"), "integer") | dict.fromkeys(("channel", "url", "extra"), "string"),
    "auction": dict.fromkeys(("id", "initialBid", "reserve", "seller", "category"), "integer") |
               dict.fromkeys(("itemName", "description", "extra"), "string") | {"expires": "timestamp"},
    "person": {"id": "integer"} | dict.fromkeys(("name", "emailAddress", "creditCard", "city", "state", "extra"), "string"),
}


def texts(data, source, extension):
    settings = nexmark.files(f"{data}/nexmark", source, extension)
    for kind, schema in SCHEMAS.items():
        settings[f"{kind}s"]["schema"] = schema | {"dateTime": "timestamp"}
    return settings


def shuffled(stream):
    """The same events out of order, within a tenth of a second of event time."""
    return {name: {**value, "out_of_order_group": 1_000} if "event_type" in value else value for name, value in stream.items()}


def main(wanted):
    queries = [query for query in QUERIES if not wanted or query in wanted]
    with tempfile.TemporaryDirectory(prefix="weir-nexmark-") as folder:
        suite = Suite(folder)
        beam = suite.make_files("beam", "WriteToParquet", "parquet")
        mixed = suite.make_files("mixed", "WriteToParquet", "parquet")
        suite.make_files("beam", "WriteToCsv", "csv")
        suite.make_files("beam", "WriteToJson", "json")
        for query in queries:
            suite.run(f"{query}/parquet", query, beam, nexmark.files(f"{beam}/nexmark"))
            suite.run(f"{query}/csv", query, beam, texts(beam, "ReadFromCsv", "csv"), "--lanes", "3")
            suite.run(f"{query}/json", query, beam, texts(beam, "ReadFromJson", "json"), "--lanes", "1")
            suite.run(f"{query}/mixed", query, mixed, nexmark.files(f"{mixed}/nexmark"), "--batch-rows", "1000")
            data, mode = (mixed, "mixed") if query in CHANNELS else (beam, "beam")
            suite.run(f"{query}/generator", query, data, nexmark.generator(f"{data}/nexmark", mode=mode, count=COUNT))
            stream = {**nexmark.generator(f"{data}/nexmark", mode=mode, count=COUNT, unbounded=True), "windowing": RETRACTING}
            suite.run(f"{query}/stream", query, data, stream)
            suite.run(f"{query}/shuffled", query, data, shuffled(stream), "--lanes", "3", "--batch-rows", "777")
    sys.exit(1 if suite.failed else 0)


main(sys.argv[1:])
