-- What the version before this one does with its tables, in its words. It knows schema 1.
-- Before each statement: rows that it finds or changes. :hash is 32 bytes. "only" limits a statement to one store.

-- rows 1
INSERT INTO projects (id, organization, name, created) VALUES ('proj_1', 'org_default', 'search', 1000)
 ON CONFLICT DO NOTHING;

-- rows 0
INSERT INTO projects (id, organization, name, created) VALUES ('proj_2', 'org_default', 'search', 1001)
 ON CONFLICT DO NOTHING;

-- rows 1
INSERT INTO keys (id, project, name, kind, hash, last4, models, created)
SELECT 'key_1', id, 'ci', 'live', :hash, 'abcd', '', 1002 FROM projects WHERE organization = 'org_default' AND name = 'search';

-- rows 1
SELECT k.id, k.name, k.project, p.name AS project_name, p.organization, k.kind, k.models, k.last4, k.created,
       k.replaced, k.revoked, k.hash
FROM keys k JOIN projects p ON p.id = k.project
 WHERE k.revoked IS NULL;

-- rows 2
SELECT p.id, p.name, p.organization, p.created,
       (SELECT count(*) FROM keys k WHERE k.project = p.id AND k.revoked IS NULL) AS keys
FROM projects p ORDER BY p.created, p.id;

-- rows 1
UPDATE keys SET hash = :hash, last4 = 'efgh', replaced = 1003 WHERE id = 'key_1';

-- rows 1
UPDATE keys SET revoked = 1004 WHERE id = 'key_1' AND revoked IS NULL;

-- rows 1
INSERT INTO objects (id, provider, kind, project, model, created) VALUES ('f1', 'one', 'FILE', 'proj_1', NULL, 1005)
ON CONFLICT (id, provider) DO UPDATE SET gone = NULL
WHERE objects.project = excluded.project AND objects.kind = excluded.kind;

-- rows 0
INSERT INTO objects (id, provider, kind, project, model, created) VALUES ('f1', 'one', 'FILE', 'proj_9', NULL, 1005)
ON CONFLICT (id, provider) DO UPDATE SET gone = NULL
WHERE objects.project = excluded.project AND objects.kind = excluded.kind;

-- rows 1
INSERT INTO objects (id, provider, kind, project, model, created) VALUES ('f1', 'two', 'FILE', 'proj_1', 'm', 1005);

-- rows 1 only sqlite
UPDATE objects SET seq = (SELECT max(seq) + 1 FROM objects) WHERE id = 'f1' AND provider = 'one';

-- rows 1 only postgresql
UPDATE objects SET seq = nextval(pg_get_serial_sequence('objects', 'seq')) WHERE id = 'f1' AND provider = 'one';

-- rows 1
SELECT * FROM objects WHERE id = 'f1' AND kind = 'FILE' AND project = 'proj_1' AND gone IS NULL
ORDER BY provider = 'two' DESC, seq DESC LIMIT 1;

-- rows 1
SELECT * FROM objects o WHERE project = 'proj_1' AND kind = 'FILE' AND gone IS NULL
 AND NOT EXISTS (SELECT 1 FROM objects n WHERE n.id = o.id AND n.project = o.project
 AND n.kind = o.kind AND n.gone IS NULL AND n.seq > o.seq)
 ORDER BY created ASC, seq ASC LIMIT 10;

-- rows 1
UPDATE objects SET gone = 1006 WHERE id = 'f1' AND kind = 'FILE' AND project = 'proj_1' AND provider = 'one' AND gone IS NULL;

-- rows 1
DELETE FROM objects WHERE gone < 2000;
