-- The rollups by day of UTC, with end users and tags: what is told by those reads days, and not hours.
CREATE TABLE rollup_user_days (
  day                 BIGINT NOT NULL, -- its first instant, milliseconds since 1970
  organization        TEXT NOT NULL,
  project             TEXT NOT NULL,
  key_id              TEXT NOT NULL,
  end_user            TEXT NOT NULL,
  model               TEXT NOT NULL,
  provider            TEXT NOT NULL,
  tag                 TEXT NOT NULL,
  calls               BIGINT NOT NULL,
  estimated           BIGINT NOT NULL,
  cost                BIGINT NOT NULL,
  overrun             BIGINT NOT NULL,
  fresh_input         BIGINT NOT NULL,
  cached_input        BIGINT NOT NULL,
  cached_audio_input  BIGINT NOT NULL,
  cached_image_input  BIGINT NOT NULL,
  written_input       BIGINT NOT NULL,
  written_long_input  BIGINT NOT NULL,
  audio_input         BIGINT NOT NULL,
  image_input         BIGINT NOT NULL,
  text_output         BIGINT NOT NULL,
  reasoning_output    BIGINT NOT NULL,
  audio_output        BIGINT NOT NULL,
  image_output        BIGINT NOT NULL,
  accepted_output     BIGINT NOT NULL,
  rejected_output     BIGINT NOT NULL,
  audio_millis        BIGINT NOT NULL,
  images              BIGINT NOT NULL,
  web_searches        BIGINT NOT NULL,
  file_searches       BIGINT NOT NULL,
  containers          BIGINT NOT NULL,
  hosted_images       BIGINT NOT NULL,
  hosted_image_input  BIGINT NOT NULL,
  hosted_image_output BIGINT NOT NULL,
  hosted_others       BIGINT NOT NULL,
  PRIMARY KEY (day, organization, project, key_id, end_user, model, provider, tag)
);

CREATE INDEX rollup_user_days_by_project ON rollup_user_days (project, day);

INSERT INTO rollup_user_days (day, organization, project, key_id, end_user, model, provider, tag, calls, estimated, cost, overrun, fresh_input, cached_input, cached_audio_input, cached_image_input, written_input, written_long_input, audio_input, image_input, text_output, reasoning_output, audio_output, image_output, accepted_output, rejected_output, audio_millis, images, web_searches, file_searches, containers, hosted_images, hosted_image_input, hosted_image_output, hosted_others)
SELECT hour / 86400000 * 86400000, organization, project, key_id, end_user, model, provider, tag, CAST(sum(calls) AS BIGINT), CAST(sum(estimated) AS BIGINT), CAST(sum(cost) AS BIGINT), CAST(sum(overrun) AS BIGINT), CAST(sum(fresh_input) AS BIGINT), CAST(sum(cached_input) AS BIGINT), CAST(sum(cached_audio_input) AS BIGINT), CAST(sum(cached_image_input) AS BIGINT), CAST(sum(written_input) AS BIGINT), CAST(sum(written_long_input) AS BIGINT), CAST(sum(audio_input) AS BIGINT), CAST(sum(image_input) AS BIGINT), CAST(sum(text_output) AS BIGINT), CAST(sum(reasoning_output) AS BIGINT), CAST(sum(audio_output) AS BIGINT), CAST(sum(image_output) AS BIGINT), CAST(sum(accepted_output) AS BIGINT), CAST(sum(rejected_output) AS BIGINT), CAST(sum(audio_millis) AS BIGINT), CAST(sum(images) AS BIGINT), CAST(sum(web_searches) AS BIGINT), CAST(sum(file_searches) AS BIGINT), CAST(sum(containers) AS BIGINT), CAST(sum(hosted_images) AS BIGINT), CAST(sum(hosted_image_input) AS BIGINT), CAST(sum(hosted_image_output) AS BIGINT), CAST(sum(hosted_others) AS BIGINT)
FROM rollups GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;

-- Lists of keys go page by page, and projects count theirs.
CREATE INDEX keys_by_time ON keys (created, id);
CREATE INDEX keys_by_project ON keys (project, created, id);
