"""Suite: panes against a second implementation (model.py). Prints its seed; takes --seed, --stories and --keep."""

import argparse
import json
import os
import random as random_module
import subprocess
import tempfile

from cases import files

WEIR = os.environ.get('WEIR', 'weir')
MODES = (['--lanes', '1'], ['--lanes', '3'], ['--batch-rows', '1', '--split-rows', '1'], ['--split-rows', '7'])


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument('--seed', type=int, default=int.from_bytes(os.urandom(4), 'little'))
  parser.add_argument('--stories', type=int, default=3, help='random ones for each cell of the grid')
  parser.add_argument('--keep', help='folder for the files')
  parser.add_argument('--only', default='', help='part of a name')
  arguments, _ = parser.parse_known_args()
  print('seed', arguments.seed, flush=True)
  random = random_module.Random(arguments.seed)
  with tempfile.TemporaryDirectory(prefix='weir-time-') as temporary:
    folder = arguments.keep or temporary
    os.makedirs(folder, exist_ok=True)
    paths = []
    for name, content in files(random, arguments.stories):
      if arguments.only not in name:
        continue
      paths.append(f'{folder}/{name}.yaml')
      with open(paths[-1], 'w', encoding='utf-8') as out:
        json.dump(content, out, indent=1)
    for mode in MODES:
      done = subprocess.run([WEIR, 'test', '--json', *mode, *paths], capture_output=True, text=True, timeout=500,
                            check=False)
      report(mode, done)


def report(mode, done):
  label = ' '.join(mode)
  try:
    results = json.loads(done.stdout)
  except json.JSONDecodeError:
    print(f'not ok {label} - exit status {done.returncode}: {done.stderr[-600:]!r}')
    return
  if not results:
    print(f'not ok {label} - no test ran')
  for result in results:
    name = f"{label} {os.path.basename(result['file'])[:-5]} {result['test']}"
    if result['passed']:
      print('ok', name)
      continue
    print('not ok', name, '-', result.get('error', 'another answer'))
    for expectation in result.get('expectations', []):
      if not expectation['passed']:
        print('#', json.dumps(expectation)[:1500])


if __name__ == '__main__':
  main()
