"""ReadFromKafka and WriteToKafka against a real broker, through the real program.

WEIR names the program, WEIR_TEST_FILTER picks tests by name."""

import importlib
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE), os.path.join(os.path.dirname(HERE), 'network')]
import harness  # noqa: E402
import servers  # noqa: E402

import kit  # noqa: E402

MODULES = ('reading', 'groups', 'writing', 'durable')


def main():
  tests = []
  for name in MODULES:
    module = importlib.import_module(name)
    tests += [(f'{name}/{key[5:]}', value) for key, value in vars(module).items() if key.startswith('test_')]
  try:
    with servers.running('kafka') as kit.broker:
      kit.connect()
      return harness.run_tests(tests, tempfile.TemporaryDirectory)
  except servers.Missing as reason:
    print(f'skip kafka - {reason}')
    return 0


if __name__ == '__main__':
  sys.exit(main())
