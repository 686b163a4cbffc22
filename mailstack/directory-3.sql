-- Version 3 of the directory: phones and calendars of an address that is passed on reach its home through the front door.
BEGIN;

-- Its front door for ActiveSync and DAV; NULL: it has none.
ALTER TABLE peers ADD COLUMN http text CHECK (http ~ '^https?://[A-Za-z0-9.-]+(:[0-9]+)?$');

-- Grows with every change of the two tables, so that the follower need not read them to know (front-forwards.sh).
CREATE SEQUENCE forwards_changes;
CREATE FUNCTION note_forwards_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  PERFORM nextval('forwards_changes');
  RETURN NULL;
END $$;
CREATE TRIGGER forwards_changed AFTER INSERT OR UPDATE OR DELETE ON forwards FOR EACH STATEMENT EXECUTE FUNCTION note_forwards_change();
CREATE TRIGGER peers_changed AFTER INSERT OR UPDATE OR DELETE ON peers FOR EACH STATEMENT EXECUTE FUNCTION note_forwards_change();
CREATE TRIGGER domains_changed AFTER UPDATE OR DELETE ON domains FOR EACH STATEMENT EXECUTE FUNCTION note_forwards_change();

CREATE VIEW front_forwards AS
  SELECT f.address, p.http, p.verified FROM forwards f JOIN peers p ON p.name = f.peer JOIN domains d ON d.name = f.domain
  WHERE d.enabled AND p.http IS NOT NULL;

GRANT SELECT ON front_forwards, forwards_changes TO mail;
INSERT INTO schema_version (version) VALUES (3);

COMMIT;
