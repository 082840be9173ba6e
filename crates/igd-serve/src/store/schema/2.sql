-- Where the parts of an hour lie: times are looked for by it, and verdicts counted, without looking at each part.
CREATE TABLE hours (
  hour INTEGER NOT NULL, -- since 1970
  camera TEXT NOT NULL,
  recipe TEXT NOT NULL,
  verdict TEXT NOT NULL,
  parts INTEGER NOT NULL,
  first INTEGER NOT NULL, -- seq
  last INTEGER NOT NULL,
  PRIMARY KEY (hour, camera, recipe, verdict)
) STRICT, WITHOUT ROWID;

INSERT INTO hours
SELECT time / 3600000000000, camera, recipe, verdict, count(*), min(seq), max(seq) FROM parts GROUP BY 1, 2, 3, 4;

CREATE TRIGGER hours_grow AFTER INSERT ON parts BEGIN
  INSERT INTO hours
  VALUES (new.time / 3600000000000, new.camera, new.recipe, new.verdict, 1, new.seq, new.seq)
  ON CONFLICT (hour, camera, recipe, verdict) DO UPDATE SET parts = parts + 1, last = excluded.last;
END;

CREATE TRIGGER hours_shrink AFTER DELETE ON parts BEGIN
  UPDATE hours SET parts = parts - 1
  WHERE hour = old.time / 3600000000000 AND camera = old.camera AND recipe = old.recipe AND verdict = old.verdict;
  DELETE FROM hours
  WHERE hour = old.time / 3600000000000 AND camera = old.camera AND recipe = old.recipe AND verdict = old.verdict
    AND parts = 0;
END;
