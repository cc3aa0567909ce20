"""What Recourse keeps: the register of cases, the archive, the queue, breaches and refunds.

SQLite or PostgreSQL. Every write may be sent again and then changes nothing.
"""
