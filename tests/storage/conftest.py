"""Storage's tests need its tables."""

import storage.accounts
import storage.jobs  # noqa: F401
