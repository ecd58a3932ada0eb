"""Flink as a peer: Nexmark by Flink SQL in streaming mode over the same Parquet files (bench/peers/flink). bench/setup builds it where
Maven and a JDK are; where they are not, its column stays empty and bench/run says so."""
import json
import os
import shutil

# What Flink's serialisers look into, and Java 17 hides.
OPENED = [f"--add-opens=java.base/java.{part}=ALL-UNNAMED" for part in ("lang", "nio", "time", "util")]
GOAL = 20


def folder(cache):
    return os.path.join(cache, "flink")


def missing(cache):
    """None, or why Flink cannot run."""
    if not shutil.which("java"):
        return "there is no java"
    if not os.path.exists(os.path.join(folder(cache), "classpath")):
        return f"{folder(cache)} is not built: bench/setup needs mvn and a JDK of version 17 for it"
    return None


def queries():
    """name → whether its rows stay, so that they are written as Parquet."""
    path = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "peers/flink/src/main/resources/queries.sql")
    with open(path) as file:
        heads = [line.split()[1:] for line in file if line.startswith("-- q")]
    return {name: kind == "append" for name, kind in heads}


def command(cache, query, data, out):
    with open(os.path.join(folder(cache), "classpath")) as file:
        classpath = f"{folder(cache)}/classes:{file.read().strip()}"
    return ["java", *OPENED, "-Xmx4g", "-cp", classpath, "weir.FlinkPeer", query, data, out]


def totals(path):
    """Of an answer that changes: rows and sums of its numbers."""
    with open(path) as file:
        return json.load(file)
