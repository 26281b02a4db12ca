-- What a statement changed is planned for as if it were a row or two, and the plan is kept: rows before and after were compared
-- each with each, which with the payments of a block took longer than to write their trail.
ALTER FUNCTION facilitator.record_transitions() SET enable_nestloop = off;
