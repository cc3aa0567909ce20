"""Chaos: lives of every kind of case while chance kills and freezes everything that they run on.

`tests/test_chaos.py` plays a bounded, seeded run. By hand, longer ones:

    python -m tests.chaos --lives 400 --kills 200 --seed 7 --minutes 30
"""
