"""A raw night of the instrument with its truth: for users to try the reduction on, and for tests to judge it."""

import os
import time


def add_arguments(parser):
    """The options of `soxs simulate`."""
    parser.add_argument("out", help="directory to make: raw frames go to OUT/raw, the truth to OUT/truth")
    parser.add_argument("--seed", type=int, default=1, help="another seed is another night (default: %(default)s)")
    parser.add_argument(
        "--arms", nargs="+", default=["VIS", "NIR"], choices=["VIS", "NIR"], help="arms to simulate (default: both)"
    )
    parser.add_argument(
        "--small", action="store_true", help="fewer frames of each kind, no deuterium flats, no offset mode"
    )
    parser.add_argument(
        "--binning", default="1x1", choices=["1x1", "2x1", "2x2"], help="VIS, XxY (default: %(default)s)"
    )
    parser.add_argument("--standard", default="LTT3218", help="the night's flux standard (default: %(default)s)")
    parser.add_argument(
        "--pack",
        default="mixed",
        choices=["mixed", "plain", "fz", "gz"],
        help="form of the files (default: mostly Rice-compressed)",
    )
    parser.add_argument("--cores", type=int, default=2, help="processes (default: %(default)s)")


def main(args):
    """Makes the night that the options ask for; 0 when it is there."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    from soxslib.errors import ReductionError
    from soxslib.simulate.make import make_night
    from soxslib.simulate.night import STANDARDS, demonstration_night

    if args.standard not in STANDARDS:
        raise ReductionError(f"unknown standard {args.standard!r}; choose one of {', '.join(STANDARDS)}")
    start = time.time()
    binning = tuple(int(b) for b in args.binning.split("x"))
    frames = demonstration_night(arms=args.arms, small=args.small, binning=binning, standard=args.standard)

    def report(done, total):
        print(f"\r{done} of {total} frames", end="", flush=True)

    make_night(args.out, frames, seed=args.seed, pack=args.pack, processes=args.cores, report=report)
    print(
        f"\r{len(frames)} raw frames in {args.out}/raw, their truth in {args.out}/truth ({time.time() - start:.0f} s)"
    )
    return 0
