"""What the S3 tests share: the real server, a bucket, and pipelines whose environment names a server or a proxy."""

import atexit
import contextlib
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, '..', 'network'), os.path.join(HERE, '..', 'tools'), os.path.join(HERE, '..')]
import s3  # noqa: E402
import servers  # noqa: E402

WEIR = os.environ.get('WEIR', 'weir')


def start():
  """The client of a bucket on the server that the environment names, else on one that is started for the tests."""
  if 'WEIR_TEST_S3_ENDPOINT' not in os.environ:
    ending = contextlib.ExitStack()
    atexit.register(ending.close)
    os.environ.update(ending.enter_context(servers.running('s3')).env)
  port = int(os.environ['WEIR_TEST_S3_ENDPOINT'].rsplit(':', 1)[1])
  keys = [os.environ[f'WEIR_TEST_S3_{name}'] for name in ('ACCESS_KEY', 'SECRET_KEY', 'REGION')]
  client = s3.S3(port, *keys, f'weir-{os.getpid()}')
  client.make_bucket()
  return client


def environment(client, port=None, **more):
  """Of a program that reaches the bucket, through a proxy on `port` where there is one."""
  env = {name: value for name, value in os.environ.items() if not name.startswith('AWS_')}
  env.update(AWS_ENDPOINT_URL=f'http://127.0.0.1:{port or client.port}', AWS_ACCESS_KEY_ID=client.access_key,
             AWS_SECRET_ACCESS_KEY=client.secret_key, AWS_REGION=client.region, AWS_EC2_METADATA_DISABLED='true')
  env.update(more)
  return {name: value for name, value in env.items() if value is not None}


def step(kind, **config):
  return {'type': kind, 'config': config}


def write_pipeline(folder, steps, name='p.yaml'):
  with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
    json.dump({'pipeline': {'type': 'chain', 'transforms': steps}}, file)


REFUSED = 78  # the exit status of a pipeline file that says something impossible


def run(folder, steps, env, *options, expected=0, seconds=120, name='p.yaml'):
  """Runs a chain of steps to its end: what it printed, and what it said."""
  write_pipeline(folder, steps, name)
  done = subprocess.run([WEIR, 'run', name, '-q', *options], cwd=folder, env=env, capture_output=True, text=True,
                        timeout=seconds, check=False)
  assert expected is None or done.returncode == expected, f'exit status {done.returncode}: {done.stderr[-2000:]}'
  return done.stdout, done.stderr


def rows_of(text):
  return [json.loads(line) for line in text.splitlines() if line]


def read_back(folder, env, kind, path, **config):
  """Rows that the program itself reads from `path`."""
  out, _ = run(folder, [step(kind, path=path, **config), step('WriteToJson', path='-')], env, name='back.yaml')
  return rows_of(out)


def make_rows(folder, count, name='rows.json', width=0):
  with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
    for i in range(count):
      file.write(json.dumps({'id': i, 'text': f'row {i} ' + ('é' + str(i * 7919 % 1000003)) * width}) + '\n')
