"""Measuring a group: how many messages each contestant gets, and the alternating rounds."""

from calls import calls_a_message
from contestants import MIB
from figures import calls_row, timed_row
from run import Failed, Skipped, run

MOST_STEPS = 8


def calibrate(contestant, group, seconds):
    """How many messages take about so many seconds."""
    count = 200 if group.work == "ping" else max(2, min(20_000, 4 * MIB // group.size))
    for _ in range(MOST_STEPS):
        taken = run(contestant, group, count).seconds
        if taken >= seconds / 4:
            break
        count = int(count * (8 if taken < seconds / 32 else seconds / 2 / taken)) + 1
    return max(2, int(count * seconds / taken))


class Measuring:
    """Of one group. Who fails or cannot run here is told once, and left out from then on."""

    def __init__(self, group, contestants, began, tell):
        self.group, self.began, self.tell = group, began, tell
        self.contestants = list(contestants)
        self.rows, self.failed, self.skipped = [], {}, {}

    def attempt(self, contestant, action):
        try:
            return action()
        except Skipped as why:
            self.skipped[contestant.name] = str(why)
            self.tell(f"  {contestant.name}: skipped: {why}")
        except Failed as why:
            self.failed[contestant.name] = str(why)
            self.tell(f"  {contestant.name}: FAILED: {why}")
        return None

    def present(self):
        return [c for c in self.contestants if c.name not in self.failed and c.name not in self.skipped]

    def measure(self, rounds, seconds, counter):
        counts = {c: self.attempt(c, lambda: calibrate(c, self.group, seconds)) for c in self.contestants}
        for number in range(rounds):
            for contestant in self.order(number):
                self.time(contestant, number, counts[contestant])
        if counter is not None:
            for contestant in self.present():
                self.count_calls(counter, contestant, counts[contestant])

    def order(self, number):
        """Each round begins with another one, and every second goes backwards."""
        there = self.present()
        start = number * 5 % max(len(there), 1)
        there = there[start:] + there[:start]
        return there if number % 2 == 0 else there[::-1]

    def time(self, contestant, number, count):
        outcome = self.attempt(contestant, lambda: run(contestant, self.group, count))
        if outcome is not None:
            self.rows.append(timed_row(self.began, self.group, contestant, number, count, outcome))

    def count_calls(self, counter, contestant, count):
        calls = self.attempt(contestant, lambda: calls_a_message(counter, contestant, self.group, count))
        if calls is not None:
            self.rows.append(calls_row(self.began, self.group, contestant, count, calls))
