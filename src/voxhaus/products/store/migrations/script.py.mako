"""${message}.

Knows: the step from ${down_revision} to ${up_revision}.
Refuses to know: tables as they are today; what is written here never changes again.
"""

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    ${upgrades if upgrades else "pass"}
