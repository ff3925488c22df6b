-- What an open hold waits for beyond the end of its call, and of the process: a response in the background, a batch. NULL in
-- holds of calls. A program that knows nothing of it books such a hold at what it holds when it starts.
ALTER TABLE open_holds ADD COLUMN awaits TEXT CHECK (awaits IN ('response', 'batch'));
ALTER TABLE open_holds ADD COLUMN awaited TEXT;  -- the provider's id of it
ALTER TABLE open_holds ADD COLUMN endpoint TEXT;
ALTER TABLE open_holds ADD COLUMN tier TEXT;
ALTER TABLE open_holds ADD COLUMN input INTEGER;
ALTER TABLE open_holds ADD COLUMN output INTEGER;
ALTER TABLE open_holds ADD COLUMN until INTEGER;
