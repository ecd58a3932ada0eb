"""Suite: the examples of Beam's documentation, and our golden pipelines, under Beam's own runner and under Weir.

Every collection of a documentation example is compared as a multiset; a golden file passes when Beam's own test runner
finds what the file expects (tests/pipelines/run asks the same of Weir). Prints ok, not ok and skip lines."""

import glob
import json
import os
import re
import subprocess
import sys
import tempfile

import yaml
from apache_beam.yaml import yaml_utils

import beam_side
import compare
import doc_cases
import instrument

HERE = os.path.dirname(os.path.abspath(__file__))
WEIR = os.environ.get('WEIR', 'weir')
FILTER = os.environ.get('WEIR_TEST_FILTER', '')


# What Beam says of what is not its own. Such a golden pipeline is skipped, with Beam's words for it.
EXTENSIONS = [
    (re.compile(r'Unknown type or missing provider for type (\w+)'), 'Beam has no {}'),
    (re.compile(r'invalid generic expression: (.*?)\. The given'), 'Beam has no generic expression {}'),
]


def extension(problem):
  """Why Beam cannot run this at all, or None when it could and came to another result."""
  for pattern, text in EXTENSIONS:
    found = pattern.search(problem)
    if found:
      return text.format(found.group(1))
  return None


def report(name, problem=None, details=()):
  """One line of the suite; False when it is a failure."""
  if problem is None:
    print('ok', name)
  else:
    print('not ok', name, '-', problem.replace('\n', ' ')[:300])
    for line in list(details)[:30]:
      print('#', line)
  sys.stdout.flush()
  return problem is None


def expectations():
  kinds = {}
  with open(os.path.join(HERE, 'cases.txt'), encoding='utf-8') as lines:
    for line in lines:
      if line.strip() and not line.startswith('#'):
        name, kind, *reason = line.split(None, 2)
        kinds[name] = (kind, reason[0].strip() if reason else '')
  return kinds


def run_weir(spec, folder):
  """(exit status, text of standard error) of `weir run`."""
  path = os.path.join(folder, 'pipeline.yaml')
  with open(path, 'w', encoding='utf-8') as out:
    yaml.safe_dump(spec, out, sort_keys=False, allow_unicode=True)
  done = subprocess.run([WEIR, 'run', path], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
  return done.returncode, done.stderr


def read_rows(path):
  if not os.path.exists(path):
    return []
  with open(path, encoding='utf-8') as lines:
    return [json.loads(line) for line in lines if line.strip()]


def doc_case(case, kind):
  """Runs one example; (problem or None, details)."""
  with tempfile.TemporaryDirectory(prefix='weir-beam-') as folder:
    spec = doc_cases.pipeline_of(case, folder)
    for_beam, for_weir, captures = instrument.instrument(spec, folder)
    if kind in ('generic', 'fails'):
      for_weir = instrument.without_python(for_weir)
    try:
      expected, beam_error = beam_side.run_pipeline(yaml.safe_dump(for_beam, sort_keys=False)), None
    except Exception as error:  # whatever Beam raises is its answer
      expected, beam_error = {}, f'{type(error).__name__}: {error}'
    status, text = run_weir(for_weir, folder)
    if kind == 'fails':
      if beam_error is None or status != 1:
        return f'both should fail: Beam {"failed" if beam_error else "succeeded"}, Weir gave {status}', text.splitlines()
      return None, []
    if beam_error is not None:
      return 'Beam failed: ' + beam_error, []
    if status != 0:
      return f'weir run gave {status}', text.splitlines()
    details = []
    for key, name in captures.keys:
      want, have = expected.get(key, []), read_rows(os.path.join(folder, key + '.json'))
      if key in captures.error_keys:
        want = [{'element': row.get('element')} for row in want]
        have = [{'element': row.get('element')} for row in have]
      details += [f'{name}: {line}' for line in compare.difference(want, have)]
    return ('collections differ' if details else None), details


def docs():
  kinds = expectations()
  for case in doc_cases.cases():
    name = 'docs/' + case.name
    if FILTER not in name:
      continue
    kind, reason = kinds.get(case.name, ('', ''))
    if kind == 'skip':
      print('skip', name, '-', reason)
    elif kind not in ('run', 'generic', 'fails'):
      report(name, 'not listed in tests/beam/cases.txt')
    else:
      report(name, *doc_case(case, kind))


def golden():
  root = os.path.join(os.path.dirname(HERE), 'pipelines')
  start = os.getcwd()
  for path in sorted(glob.glob(os.path.join(root, '*', '*.yaml'))):
    name = 'golden/' + os.path.relpath(path, root)[:-len('.yaml')]
    if FILTER not in name:
      continue
    with open(path, encoding='utf-8') as file:
      text = file.read()
    reason = re.search(r'^# skip beam: (.*)', text, re.M)
    if reason or re.search(r'type: Sql\b', text):  # Beam would look for its Java service in the network
      print('skip', name, '-', reason.group(1) if reason else "Beam's Sql needs a Java service")
      continue
    os.chdir(os.path.dirname(path))
    problem = None
    try:
      spec = yaml.load(text, Loader=yaml_utils.SafeLineLoader)
      for test in spec['tests']:
        beam_side.run_test(spec, test)
    except Exception as error:  # whatever Beam raises is its answer
      problem = f'Beam: {test["name"]}: {type(error).__name__}: {error}'
    os.chdir(start)
    reason = extension(problem) if problem else None
    if reason:
      print('skip', name, '-', reason)
    else:
      report(name, problem)


if __name__ == '__main__':
  docs()
  golden()
