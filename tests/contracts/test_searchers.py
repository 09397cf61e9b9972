"""The searchers' laws, for every searcher."""

from lrlab.core.question import Question
from lrlab.searchers.grid import grid
from lrlab.searchers.halving import halving
from lrlab.searchers.protocol import Searcher
from lrlab.searchers.race import default_price, race
from lrlab.testing.searcher_kit import SearcherKit


class TestGrid(SearcherKit):
    def searcher(self) -> Searcher:
        return grid(7)

    def most_cost(self, question: Question) -> float:
        return (7 + (question.current_lr is not None)) * question.seeds * len(question.arms)


class TestHalving(SearcherKit):
    def searcher(self) -> Searcher:
        return halving(12)


class TestHalvingSlowly(SearcherKit):
    def searcher(self) -> Searcher:
        return halving(9, eta=2)


class TestRace(SearcherKit):
    def searcher(self) -> Searcher:
        return race()

    def most_cost(self, question: Question) -> float:
        return max(default_price(question), 2.35) + 1e-6
