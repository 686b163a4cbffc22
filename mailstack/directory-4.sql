-- Version 4 of the directory: whoever changes where mailboxes live can wait until the front door has taken the change over.
BEGIN;

DROP TRIGGER forwards_changed ON forwards;
DROP TRIGGER peers_changed ON peers;
DROP TRIGGER domains_changed ON domains;
DROP SEQUENCE forwards_changes;

-- A row and not a sequence: a change counts when it is committed, so that the follower can miss none (front-forwards.sh).
CREATE TABLE forwards_changes (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  change bigint NOT NULL,
  taken bigint);                             -- up to here the front door has taken them over; NULL: no follower runs
INSERT INTO forwards_changes (change) VALUES (0);

-- Before the statement: what changes these tables takes this row first, so that two do not wait for each other in a circle.
CREATE OR REPLACE FUNCTION note_forwards_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  UPDATE forwards_changes SET change = change + 1;
  RETURN NULL;
END $$;
CREATE TRIGGER forwards_changed BEFORE INSERT OR UPDATE OR DELETE ON forwards FOR EACH STATEMENT EXECUTE FUNCTION note_forwards_change();
CREATE TRIGGER peers_changed BEFORE INSERT OR UPDATE OR DELETE ON peers FOR EACH STATEMENT EXECUTE FUNCTION note_forwards_change();
CREATE TRIGGER domains_changed BEFORE UPDATE OR DELETE ON domains FOR EACH STATEMENT EXECUTE FUNCTION note_forwards_change();

GRANT SELECT ON forwards_changes TO panel, mail;
GRANT UPDATE (taken) ON forwards_changes TO mail;
INSERT INTO schema_version (version) VALUES (4);

COMMIT;
