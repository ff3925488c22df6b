-- The rollups by day of UTC, with end users and tags: what is told by those reads days, and not hours.
CREATE TABLE rollup_user_days (
  day                 INTEGER NOT NULL, -- its first instant, milliseconds since 1970
  organization        TEXT NOT NULL,
  project             TEXT NOT NULL,
  key_id              TEXT NOT NULL,
  end_user            TEXT NOT NULL,
  model               TEXT NOT NULL,
  provider            TEXT NOT NULL,
  tag                 TEXT NOT NULL,
  calls               INTEGER NOT NULL,
  estimated           INTEGER NOT NULL,
  cost                INTEGER NOT NULL,
  overrun             INTEGER NOT NULL,
  fresh_input         INTEGER NOT NULL,
  cached_input        INTEGER NOT NULL,
  cached_audio_input  INTEGER NOT NULL,
  cached_image_input  INTEGER NOT NULL,
  written_input       INTEGER NOT NULL,
  written_long_input  INTEGER NOT NULL,
  audio_input         INTEGER NOT NULL,
  image_input         INTEGER NOT NULL,
  text_output         INTEGER NOT NULL,
  reasoning_output    INTEGER NOT NULL,
  audio_output        INTEGER NOT NULL,
  image_output        INTEGER NOT NULL,
  accepted_output     INTEGER NOT NULL,
  rejected_output     INTEGER NOT NULL,
  audio_millis        INTEGER NOT NULL,
  images              INTEGER NOT NULL,
  web_searches        INTEGER NOT NULL,
  file_searches       INTEGER NOT NULL,
  containers          INTEGER NOT NULL,
  hosted_images       INTEGER NOT NULL,
  hosted_image_input  INTEGER NOT NULL,
  hosted_image_output INTEGER NOT NULL,
  hosted_others       INTEGER NOT NULL,
  PRIMARY KEY (day, organization, project, key_id, end_user, model, provider, tag)
) STRICT, WITHOUT ROWID;

CREATE INDEX rollup_user_days_by_project ON rollup_user_days (project, day);

INSERT INTO rollup_user_days (day, organization, project, key_id, end_user, model, provider, tag, calls, estimated, cost, overrun, fresh_input, cached_input, cached_audio_input, cached_image_input, written_input, written_long_input, audio_input, image_input, text_output, reasoning_output, audio_output, image_output, accepted_output, rejected_output, audio_millis, images, web_searches, file_searches, containers, hosted_images, hosted_image_input, hosted_image_output, hosted_others)
SELECT hour / 86400000 * 86400000, organization, project, key_id, end_user, model, provider, tag, sum(calls), sum(estimated), sum(cost), sum(overrun), sum(fresh_input), sum(cached_input), sum(cached_audio_input), sum(cached_image_input), sum(written_input), sum(written_long_input), sum(audio_input), sum(image_input), sum(text_output), sum(reasoning_output), sum(audio_output), sum(image_output), sum(accepted_output), sum(rejected_output), sum(audio_millis), sum(images), sum(web_searches), sum(file_searches), sum(containers), sum(hosted_images), sum(hosted_image_input), sum(hosted_image_output), sum(hosted_others)
FROM rollups GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;

-- Lists of keys go page by page, and projects count theirs.
CREATE INDEX keys_by_time ON keys (created, id);
CREATE INDEX keys_by_project ON keys (project, created, id);
