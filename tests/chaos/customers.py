"""The customers of a run: number 1 to N, each buys once, some of them are heard twice."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence

import requests

from tests.testbed.shop import Shop


def email(number: int) -> str:
    return f"c{number}@customer.example"


class Customers:
    """Sells to all of them, whatever happens to the shop meanwhile: a request that failed is made again, as the payment
    provider does with its webhook."""

    def __init__(self, shop: Shop, pictures: Sequence[int], jobs: int, chance: random.Random) -> None:
        self._shop, self._pictures, self._chance = shop, pictures, chance
        self._left = list(range(jobs, 0, -1))
        self._lock = threading.Lock()
        self.bought = 0

    def queue_up(self, may_buy: Callable[[], bool], sellers: int = 2) -> list[threading.Thread]:
        """Start selling in `sellers` threads; a customer enters when `may_buy` says so. Join the threads."""
        threads = [threading.Thread(target=self._sell, args=(may_buy,), daemon=True) for _ in range(sellers)]
        for thread in threads:
            thread.start()
        return threads

    def _sell(self, may_buy: Callable[[], bool]) -> None:
        while True:  # ends: with the last job; the run has a deadline of its own
            with self._lock:
                if not self._left:
                    return
                number = self._left.pop()
                picture, again = self._chance.choice(self._pictures), self._chance.random() < 0.05
            while not may_buy():  # ends: with the faults, which the run ends
                time.sleep(0.1)
            while not self._buy(number, picture, repeat=False):  # ends: when all is well again
                time.sleep(0.3)
            if again:
                self._buy(number, picture, repeat=True)
            with self._lock:
                self.bought += 1

    def _buy(self, number: int, picture: int, *, repeat: bool) -> bool:
        order = {"picture": picture, "email": email(number), "repeat": repeat}
        try:
            answer = requests.post(f"{self._shop.url}/?rest_route=/chaos/v1/buy", json=order, timeout=20)
            return answer.ok and "job_id" in answer.json()
        except (requests.RequestException, ValueError):
            return False
