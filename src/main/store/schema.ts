/**
 * The project file's tables, as an ordered list of migrations: entry n brings a file from `user_version` n to n + 1.
 * Never change a released entry; add one. Ordinary rowid tables on purpose: half the bytes of WITHOUT ROWID for blobs.
 */

/** 'HLP1': says that a SQLite file is a Histoloop project. */
export const APPLICATION_ID = 0x484c5031;

const FIRST = `
CREATE TABLE model (
  model_id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  parent_id TEXT,
  created_at TEXT NOT NULL,
  state TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  path TEXT NOT NULL,
  card TEXT NOT NULL,
  training TEXT
) STRICT;

CREATE TABLE project (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  project_id TEXT NOT NULL,
  name TEXT NOT NULL,
  user TEXT NOT NULL,
  created_at TEXT NOT NULL,
  live_model_id TEXT REFERENCES model (model_id)
) STRICT;

CREATE TABLE label_class (
  id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 127),
  name TEXT NOT NULL UNIQUE,
  color TEXT NOT NULL
) STRICT;

CREATE TABLE slide (
  slide_id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  path TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  width_px INTEGER NOT NULL,
  height_px INTEGER NOT NULL,
  user_pixel_size_um REAL,
  mask_downsample INTEGER NOT NULL
) STRICT;

CREATE TABLE layer (
  layer_id INTEGER PRIMARY KEY AUTOINCREMENT,
  slide_id TEXT NOT NULL REFERENCES slide (slide_id),
  kind TEXT NOT NULL CHECK (kind IN ('human', 'prediction')),
  model_id TEXT REFERENCES model (model_id),
  created_at TEXT NOT NULL,
  revision INTEGER NOT NULL DEFAULT 0,
  CHECK ((kind = 'human') = (model_id IS NULL))
) STRICT;
CREATE UNIQUE INDEX layer_human ON layer (slide_id) WHERE kind = 'human';
CREATE UNIQUE INDEX layer_prediction ON layer (slide_id, model_id) WHERE kind = 'prediction';

CREATE TABLE edit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  layer_id INTEGER NOT NULL REFERENCES layer (layer_id),
  request_id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('stroke', 'polygon', 'accept', 'import', 'undo', 'redo')),
  tool TEXT NOT NULL,
  at TEXT NOT NULL,
  user TEXT NOT NULL,
  model_id TEXT,
  params TEXT NOT NULL,
  changed_pixels INTEGER NOT NULL DEFAULT 0,
  target INTEGER REFERENCES edit (id),
  undone_by INTEGER REFERENCES edit (id),
  CHECK ((kind IN ('undo', 'redo')) = (target IS NOT NULL))
) STRICT;
CREATE INDEX edit_of_layer ON edit (layer_id, id);
CREATE INDEX edit_gesture ON edit (layer_id, id) WHERE target IS NULL AND changed_pixels > 0;
CREATE INDEX edit_applied ON edit (layer_id, id) WHERE target IS NULL AND changed_pixels > 0 AND undone_by IS NULL;
CREATE INDEX edit_undone ON edit (layer_id, undone_by) WHERE undone_by IS NOT NULL;

CREATE TABLE tile_version (
  edit_id INTEGER NOT NULL REFERENCES edit (id),
  layer_id INTEGER NOT NULL REFERENCES layer (layer_id),
  tile INTEGER NOT NULL,
  data BLOB
) STRICT;
CREATE UNIQUE INDEX tile_version_of_tile ON tile_version (layer_id, tile, edit_id);
CREATE INDEX tile_version_of_edit ON tile_version (edit_id);

CREATE TABLE tile_head (
  layer_id INTEGER NOT NULL REFERENCES layer (layer_id),
  tile INTEGER NOT NULL,
  edit_id INTEGER NOT NULL REFERENCES edit (id),
  filled INTEGER NOT NULL,
  UNIQUE (layer_id, tile)
) STRICT;

CREATE TABLE prediction_tile (
  layer_id INTEGER NOT NULL REFERENCES layer (layer_id),
  tile INTEGER NOT NULL,
  data BLOB,
  UNIQUE (layer_id, tile)
) STRICT;

CREATE TABLE correction_block (
  ordinal INTEGER PRIMARY KEY,
  layer_id INTEGER NOT NULL REFERENCES layer (layer_id),
  block_column INTEGER NOT NULL,
  block_row INTEGER NOT NULL,
  part TEXT NOT NULL CHECK (part IN ('train', 'held-out')),
  edit_id INTEGER NOT NULL REFERENCES edit (id),
  UNIQUE (layer_id, block_column, block_row)
) STRICT;

CREATE TABLE job (
  job_id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  input TEXT NOT NULL
) STRICT;
`;

export const MIGRATIONS: readonly string[] = [FIRST];
