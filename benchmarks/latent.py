"""The trade of a VAE: for several weights of the KL, how exactly phrases come back and how likely new ones are.

    python -m benchmarks.latent [--betas 0.1,0.2,0.3,0.5] [--minutes 4]

Each network is trained for the same time on two-bar phrases of Irish, Scottish and American tunes. Their judge is an
n-gram of validation tunes in all keys; test phrases are real music that neither of the two has seen.
"""

from __future__ import annotations

import argparse
import dataclasses
import time

from models import train_shipped
from musiclib import config, evaluation, training
from musiclib.dataset import Pieces


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--betas", default="0.1,0.2,0.3,0.5")
    parser.add_argument("--minutes", type=float, default=4.0)
    arguments = parser.parse_args()
    data = train_shipped.phrases_of_tunes()
    some = Pieces.from_lists(data.test[i] for i in range(0, len(data.test), 3))
    judge, real = None, None
    print("| β | KL, bits | notes, z = mean | exact, z = mean | prior, nats | beside real music | seconds |")
    print("| --: | --: | --: | --: | --: | --: | --: |")
    for beta in map(float, arguments.betas.split(",")):
        settings = config.preset("full", "vae").replace(minutes=arguments.minutes, average=0.99)
        model = dataclasses.replace(settings.model, options={"beta": beta, "annealing": 500})
        start = time.perf_counter()
        run = training.train(data, dataclasses.replace(settings, model=model), progress=False)
        seconds = time.perf_counter() - start
        if judge is None:
            judge = evaluation.latent.judge(run, train_shipped.tunes().validation.scores)
            real = judge.nats_per_token(some)
        found = evaluation.latent.reconstruction(run, some)
        nats = evaluation.latent.prior_nats(run, judge, greedy=True)
        print(
            f"| {beta:g} | {found.kl_bits:.0f} | {found.mean.notes:.3f} | {found.mean.exact:.3f} | {nats:.2f} |"
            f" {nats / real - 1:+.0%} | {seconds:.0f} |",
            flush=True,
        )
    print(f"real music: {real:.2f} nats per token")


if __name__ == "__main__":
    main()
