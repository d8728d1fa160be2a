"""Bandits: experiments whose variants get new shares of the viewers to come, the better one ever more."""

from datetime import datetime

from personalization import experiments, outcomes
from personalization.experiments import BANDIT, Experiment
from personalization.statistics import thompson_shares
from storage.database import Tx
from storage.errors import UserError


def share_out(tx: Tx, experiment: Experiment, now: datetime) -> None:
    """Give a bandit's variants shares by how likely each has the most viewers who buy; raises UserError for others."""
    if experiment.kind != BANDIT:
        raise UserError("no-bandit", "The shares of this experiment are fixed.")
    report = outcomes.report(tx, experiment, now)
    arms = {experiment.variants[0].name: report.control["conversion"]}
    arms |= {each.variant: each.arm for each in report.results["conversion"]}
    seed = f"{experiment.id}:{sum(report.viewers.values())}"
    experiments.share_out(tx, experiment.id, thompson_shares(arms, seed))


def running(tx: Tx) -> list[Experiment]:
    """Return the bandits that run, whose shares are due from time to time."""
    return [each for each in experiments.running(tx) if each.kind == BANDIT]
