"""What a case costs, beside a bare workflow that has the same effects."""
