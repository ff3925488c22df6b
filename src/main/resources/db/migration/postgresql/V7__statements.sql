-- What wants to be looked at: overruns and what a killed process left. Few of all entries.
CREATE INDEX entries_unusual ON entries (taken) WHERE kind <> 'settled';

-- A project's statement reads its own hours alone.
CREATE INDEX rollups_by_project ON rollups (project, hour);
