-- "IGDS": tells this database from those of other programs.
PRAGMA application_id = 1229407315;

-- Times are nanoseconds since 1970. Numbers of parts are never used again, as outputs go by them.
CREATE TABLE parts (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id BLOB NOT NULL UNIQUE,
  time INTEGER NOT NULL,
  camera TEXT NOT NULL,
  recipe TEXT NOT NULL,
  version INTEGER NOT NULL,
  verdict TEXT NOT NULL,
  reason TEXT,
  score REAL,
  normalized REAL,
  threshold REAL,
  drift REAL,
  frames INTEGER NOT NULL,
  latency_ms REAL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  regions TEXT NOT NULL, -- JSON
  class INTEGER NOT NULL, -- of its pictures, the lowest goes first: 0 good, 1 near the threshold, 2 bad
  bytes INTEGER NOT NULL, -- of its pictures; 0: they are not there
  mark TEXT,
  mark_area TEXT, -- JSON
  mark_by TEXT,
  mark_time INTEGER,
  distance REAL AS (abs(normalized - 0.5)) -- from the threshold
) STRICT;

-- The number of the row is the last column of each index, so that all but the last give the newest first.
CREATE INDEX parts_camera ON parts (camera);
CREATE INDEX parts_recipe ON parts (recipe);
CREATE INDEX parts_other ON parts (verdict) WHERE verdict <> 'good';
CREATE INDEX parts_other_camera ON parts (camera, verdict) WHERE verdict <> 'good';
CREATE INDEX parts_other_recipe ON parts (recipe, verdict) WHERE verdict <> 'good';
CREATE INDEX parts_pictures ON parts (seq) WHERE bytes > 0;
CREATE INDEX parts_marked ON parts (seq) WHERE mark IS NOT NULL;
CREATE INDEX parts_evicted_next ON parts (class, seq) WHERE bytes > 0 AND mark IS NULL;
CREATE INDEX parts_nearest ON parts (distance, seq) WHERE normalized IS NOT NULL;

-- How far outputs have come, and how many parts went before they had them.
CREATE TABLE cursors (
  output TEXT PRIMARY KEY,
  seq INTEGER NOT NULL,
  lost INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- One row: bytes that all pictures take.
CREATE TABLE disk (bytes INTEGER NOT NULL) STRICT;
INSERT INTO disk VALUES (0);

CREATE TRIGGER pictures_come AFTER INSERT ON parts WHEN new.bytes > 0 BEGIN
  UPDATE disk SET bytes = bytes + new.bytes;
END;

CREATE TRIGGER pictures_change AFTER UPDATE OF bytes ON parts BEGIN
  UPDATE disk SET bytes = bytes + new.bytes - old.bytes;
END;

CREATE TRIGGER pictures_go AFTER DELETE ON parts WHEN old.bytes > 0 BEGIN
  UPDATE disk SET bytes = bytes - old.bytes;
END;

CREATE TRIGGER outputs_lose AFTER DELETE ON parts BEGIN
  UPDATE cursors SET lost = lost + 1 WHERE seq < old.seq;
END;

CREATE TABLE versions (
  recipe TEXT NOT NULL,
  number INTEGER NOT NULL,
  file BLOB NOT NULL, -- a path, which need not be UTF-8
  created INTEGER NOT NULL,
  revision TEXT, -- JSON
  threshold REAL,
  active INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (recipe, number)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX versions_active ON versions (recipe) WHERE active = 1;

CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;

CREATE INDEX events_time ON events (time);
