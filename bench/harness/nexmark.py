"""How the queries of bench/nexmark are told where their events come from."""
import json
import os

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "nexmark")
KINDS = ("bid", "auction", "person")


def path(query):
    return f"{FOLDER}/{query}.yaml"


def files(folder, source="ReadFromParquet", extension="parquet", late=False):
    """The parameters that read {bid,auction,person}.EXTENSION and the side input of a folder. `late`: bid_late instead of bid."""
    settings = {f"{kind}s": {"path": f"{folder}/{kind}.{extension}"} for kind in KINDS}
    if late:
        settings["bids"]["path"] = f"{folder}/bid_late.{extension}"
    return {"source": source, "side": f"{folder}/side_input.csv", **settings}


def generator(folder, **settings):
    """The parameters that take the events from ReadFromNexmark."""
    kinds = {f"{kind}s": {"event_type": kind, **settings} for kind in KINDS}
    return {"source": "ReadFromNexmark", "side": f"{folder}/side_input.csv", **kinds}


def arguments(query, values):
    """-p NAME=VALUE for those of `values` that the query declares."""
    with open(path(query)) as file:
        head = file.read().split("\npipeline:")[0]
    declared = {line.split(":")[0].strip() for line in head.split("\n") if line.startswith("  ")}
    chosen = {name: value for name, value in values.items() if name in declared}
    return [part for name, value in chosen.items()
            for part in ("-p", f"{name}={value if isinstance(value, str) else json.dumps(value)}")]
