"""What the tests of endless sources share: a running pipeline whose rows are looked at while it runs."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback

WEIR = os.environ.get('WEIR', 'weir')
FILTER = os.environ.get('WEIR_TEST_FILTER', '')
PRINT = {'type': 'Print', 'config': {'format': 'json', 'limit': 0}}


def step(kind, **config):
  return {'type': kind, 'config': config}


def wait_for(condition, what, seconds=30):
  """What `condition` gives, as soon as that is true."""
  end = time.monotonic() + seconds
  while True:
    value = condition()
    if value:
      return value
    if time.monotonic() > end:
      raise AssertionError(f'{what() if callable(what) else what} did not happen within {seconds} s')
    time.sleep(0.01)


class Stream:
  """`weir run` of a pipeline; its rows are in `rows` as they come. Drained at the end of a `with`, killed after a failure.

  `steps` is a chain, to which Print is added, or a list of named steps as they are."""

  def __init__(self, folder, steps, *options, stdin=subprocess.DEVNULL, chain=True):
    transforms = steps + [PRINT] if chain else steps
    pipeline = {'transforms': transforms, **({'type': 'chain'} if chain else {})}
    with open(os.path.join(folder, 'p.yaml'), 'w', encoding='utf-8') as file:
      json.dump({'pipeline': pipeline}, file)
    self.rows, self.err = [], ''
    self.taking = threading.Event()  # cleared: nobody takes rows any more
    self.taking.set()
    self.process = subprocess.Popen([WEIR, 'run', 'p.yaml', '-q', *options], cwd=folder, stdin=stdin,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    self.threads = [threading.Thread(target=self.read_rows), threading.Thread(target=self.read_errors)]
    for thread in self.threads:
      thread.start()

  def read_rows(self):
    for line in self.process.stdout:
      self.rows.append(json.loads(line))
      self.taking.wait()

  def read_errors(self):
    self.err = self.process.stderr.read().decode()

  def __enter__(self):
    return self

  def __exit__(self, kind, *_):
    self.taking.set()
    if kind:
      self.process.kill()
      self.join()
    else:
      self.drain()

  def join(self):
    for thread in self.threads:
      thread.join()
    self.process.wait()

  def wait_rows(self, count, seconds=30):
    """The rows so far, when there are `count`."""
    def there():
      assert self.process.poll() is None or len(self.rows) >= count, f'the run ended: {self.err or self.rows}'
      return len(self.rows) >= count
    wait_for(there, lambda: f'{count} rows (there are {self.rows[-20:]})', seconds)
    return list(self.rows)

  def drain(self, expected=0, seconds=30):
    if self.process.poll() is None:
      self.process.send_signal(signal.SIGINT)
    self.end(expected, seconds)

  def end(self, expected=0, seconds=30):
    """The run ends by itself, with this exit status."""
    try:
      self.process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
      self.process.kill()
      self.join()
      raise AssertionError(f'the run did not end within {seconds} s: {self.err}') from None
    self.join()
    assert self.process.returncode == expected, f'exit status {self.process.returncode}: {self.err}'

  def memory_bytes(self, what='VmHWM'):
    with open(f'/proc/{self.process.pid}/status', encoding='utf-8') as file:
      return int(next(line for line in file if line.startswith(what)).split()[1]) * 1024


def append(folder, name, *lines, end='\n'):
  with open(os.path.join(folder, name), 'a', encoding='utf-8') as file:
    file.write('\n'.join(lines) + end)


def place(folder, name, text, mode='w'):
  """Writes a file aside and gives it its name when it is whole."""
  aside = os.path.join(os.path.dirname(folder), f'.{os.path.basename(folder)}-{os.path.basename(name)}')
  with open(aside, mode, **({} if 'b' in mode else {'encoding': 'utf-8'})) as file:
    file.write(text)
  os.rename(aside, os.path.join(folder, name))


def run_tests(tests, make_folder):
  """Runs (name, function) pairs; prints `ok NAME` or `not ok NAME`. The exit status."""
  failed = 0
  for name, test in tests:
    if FILTER not in name:
      continue
    with make_folder() as folder:
      try:
        test(folder)
        print(f'ok {name}', flush=True)
      except Exception as error:  # every kind of failure is a failed test
        failed += 1
        where = traceback.extract_tb(sys.exc_info()[2])[-1]
        print(f'not ok {name} - {where.name}:{where.lineno} {str(error)[:300]!r}')
        print('\n'.join('# ' + line for line in traceback.format_exc().splitlines()), flush=True)
  return 1 if failed else 0
