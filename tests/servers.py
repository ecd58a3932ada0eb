"""Real servers for a suite: `with servers.running('kafka', 's3') as env:` starts them by tools/servers, gives their
WEIR_TEST_* variables, and stops them. Where they cannot be had it raises Missing: print `skip NAME - missing REASON`."""

import contextlib
import os
import pathlib
import subprocess
import tempfile

TOOL = pathlib.Path(__file__).resolve().parent.parent / 'tools' / 'servers'


class Missing(Exception):
  """The reason, one line."""


def command(word, names, state):
  """Runs tools/servers for the servers of one state folder; returns its WEIR_TEST_* variables."""
  run = subprocess.run([TOOL, word, *names], env=os.environ | {'WEIR_SERVERS_STATE': str(state)}, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
  lines = run.stderr.strip().splitlines() or ['']
  if run.returncode == 3:
    raise Missing(f'missing servers: {lines[-1]}')
  if run.returncode != 0:
    raise RuntimeError(f'tools/servers {word} {" ".join(names)}:\n{run.stderr}')
  return dict(line.split('=', 1) for line in run.stdout.splitlines())


class Running:
  """Servers of a suite. `env` has the variables that tell where they are."""

  def __init__(self, names, state):
    self.names, self.state = names, state
    self.env = command('up', names, state)

  def crash(self, *names):
    """kill -9."""
    command('crash', names, self.state)

  def up(self, *names):
    """Goes on after a crash, with the same ports and data."""
    command('up', names, self.state)


@contextlib.contextmanager
def running(*names):
  """Servers of this suite alone, with data of their own."""
  with tempfile.TemporaryDirectory(prefix='weir-servers-') as state:
    try:
      yield Running(names, state)
    finally:
      command('down', names, state)
