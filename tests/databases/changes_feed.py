"""ReadFromPostgresChanges against a real server: a copy that follows its original, whatever is killed."""

import random
import threading
import time

from kit import Killed, run, step, wait_for


class Changing:
  """Changes a table at random until it is stopped."""

  def __init__(self, database, table, seed):
    self.database, self.table, self.random = database, table, random.Random(seed)
    self.stopped = threading.Event()
    self.transactions = 0
    self.thread = threading.Thread(target=self.work)

  def __enter__(self):
    self.thread.start()
    return self

  def __exit__(self, *_):
    self.stopped.set()
    self.thread.join()

  def one(self):
    key, number = self.random.randrange(1000), self.random.randrange(10**9)
    return self.random.choice((
        f"INSERT INTO {self.table} VALUES ({key}, {number}, 'x') ON CONFLICT (id) DO UPDATE SET n = excluded.n",
        f'UPDATE {self.table} SET n = {number} WHERE id % 97 = {key % 97}',
        f'UPDATE {self.table} SET id = id + 1000000 WHERE id = {key} AND NOT EXISTS (SELECT 1 FROM {self.table} WHERE '
        f'id = {key} + 1000000)',
        f'DELETE FROM {self.table} WHERE id = {key}',
        f'DELETE FROM {self.table} WHERE id > 1000000'))

  def work(self):
    while not self.stopped.is_set():
      statements = '; '.join(self.one() for _ in range(self.random.randint(1, 8)))
      end = 'ROLLBACK' if self.random.random() < 0.1 else 'COMMIT'
      try:
        self.database(f'BEGIN; {statements}; {end}')
        self.transactions += 1
      except AssertionError:  # the server is being started again
        time.sleep(0.1)


def table(database, name):
  database(f"CREATE TABLE {name} (id bigint PRIMARY KEY, n bigint, s text); ALTER TABLE {name} REPLICA IDENTITY FULL; "
           f"INSERT INTO {name} SELECT i, i, 'row' FROM generate_series(1, 500) i")


def follow(database, name):
  return [step('ReadFromPostgresChanges', url=database.url, table=name),
          step('WriteToPostgres', url=database.url, table=name + '_copy', key='id')]


def is_same(database, name):
  try:
    return database(f'(TABLE {name} EXCEPT ALL TABLE {name}_copy) UNION ALL (TABLE {name}_copy EXCEPT ALL TABLE {name}) '
                    'LIMIT 3') == []
  except AssertionError:  # the copy is not made yet
    return False


def test_follows_through_kills(_, database, folder):
  table(database, 'orders')
  killed = Killed(folder, follow(database, 'orders'))
  with Changing(database, 'orders', killed.seed) as changing:
    while killed.kills < 20:
      assert killed.kill_after(0.1, 0.8), 'an endless run ended'
  killed.start()
  wait_for(lambda: is_same(database, 'orders'), what='the copy is the original')
  killed.drain()
  assert is_same(database, 'orders')
  database('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots')
  return f'{killed.kills} kills, {changing.transactions} transactions, seed {killed.seed}'


def test_follows_through_a_crash_of_the_server(running, database, folder):
  table(database, 'stock')
  killed = Killed(folder, follow(database, 'stock'))
  killed.start()
  with Changing(database, 'stock', killed.seed) as changing:
    for _ in range(3):
      time.sleep(1.5)
      running.crash('postgres')
      running.up('postgres')
    time.sleep(1)
  wait_for(lambda: is_same(database, 'stock'), what='the copy is the original')
  killed.drain()
  database('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots')
  return f'{changing.transactions} transactions, seed {killed.seed}'


def test_the_server_may_forget_what_is_committed(_, database, folder):
  table(database, 'forgotten')
  killed = Killed(folder, follow(database, 'forgotten'))
  killed.start()

  def confirmed():
    rows = database('SELECT confirmed_flush_lsn FROM pg_replication_slots')
    return rows[0][0] if rows else None

  first = wait_for(confirmed, what='a slot')
  database('UPDATE forgotten SET n = n + 1')
  wait_for(lambda: confirmed() != first, what='a confirmation')
  killed.drain()
  database('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots')


def test_says_what_the_table_lacks(_, database, folder):
  database('CREATE TABLE plain (id int PRIMARY KEY)')
  _, error = run(folder, [step('ReadFromPostgresChanges', url=database.url, table='plain'), step('Print')], expected=1)
  assert 'REPLICA IDENTITY FULL' in error, error
