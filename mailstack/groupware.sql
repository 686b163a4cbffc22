-- What the panel may do with calendars and contacts in SOGo's database: functions that each work on one person, and nothing
-- else of it. They write what SOGo would write, byte for byte, with its versions, times and indexes, so that a client notices
-- no move. (SOGo's own CalDAV door cannot store an item unchanged: FACTS.md §10.)
-- For SOGo 5.8 with combined tables. Written anew at each "up", by stack.sh, which names the place that SOGo notes with a folder.
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS groupware AUTHORIZATION sogo;
SET LOCAL ROLE sogo;
SET LOCAL search_path = groupware;

CREATE TABLE IF NOT EXISTS place (one boolean PRIMARY KEY DEFAULT true CHECK (one), base text NOT NULL);
INSERT INTO place (base) VALUES (:'base') ON CONFLICT (one) DO UPDATE SET base = excluded.base;

-- What the panel speaks; it refuses another version.
CREATE OR REPLACE FUNCTION version() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';

-- The number of a folder: person is the uid, path its place below the person, like Calendar/personal.
CREATE OR REPLACE FUNCTION folder(person text, path text) RETURNS integer
LANGUAGE sql STABLE SET search_path = public AS $$
  SELECT c_folder_id FROM sogo_folder_info WHERE c_path = '/Users/' || person || '/' || path AND c_path2 = person
$$;

-- Every folder with its colour ("#RRGGBB", if one was chosen) and its place in the order (if one was chosen).
CREATE OR REPLACE FUNCTION collections(person text)
RETURNS TABLE (path text, kind text, name text, color text, place integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT c_path3 || '/' || c_path4, CASE c_folder_type WHEN 'Appointment' THEN 'calendar' ELSE 'address_book' END, c_foldername::text,
         s -> 'Calendar' -> 'FolderColors' ->> (person || ':' || c_path3 || '/' || c_path4),
         (SELECT o.place::integer FROM jsonb_array_elements_text(s -> 'Calendar' -> 'FoldersOrder') WITH ORDINALITY o (name, place)
          WHERE c_path3 = 'Calendar' AND o.name IN (c_path4, person || ':Calendar/' || c_path4) LIMIT 1)
  FROM sogo_folder_info LEFT JOIN (SELECT c_settings::jsonb AS s FROM sogo_user_profile WHERE c_uid = person) settings ON true
  WHERE c_path2 = person AND c_path1 = 'Users' AND c_folder_type IN ('Appointment', 'Contact')
  ORDER BY 1
$$;

-- What SOGo keeps beside an item: version, times, and the row of its index.
CREATE OR REPLACE FUNCTION beside(item public.sogo_store) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = public AS $$
  SELECT jsonb_build_object('created', item.c_creationdate, 'modified', item.c_lastmodified, 'version', item.c_version,
    'appointment', (SELECT to_jsonb(q) - 'c_folder_id' FROM sogo_quick_appointment q
                    WHERE q.c_folder_id = item.c_folder_id AND q.c_name = item.c_name),
    'contact', (SELECT to_jsonb(q) - 'c_folder_id' FROM sogo_quick_contact q
                WHERE q.c_folder_id = item.c_folder_id AND q.c_name = item.c_name))
$$;

-- Every item of a folder by its marks. One that was removed is still there, so that clients learn of it.
CREATE OR REPLACE FUNCTION items(person text, path text)
RETURNS TABLE (name text, component text, removed boolean, size bigint, sha256 bytea, beside bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT i.c_name::text, coalesce(a.c_component, c.c_component, '')::text, coalesce(i.c_deleted, 0) <> 0,
         octet_length(i.c_content)::bigint, sha256(convert_to(i.c_content, 'UTF8')),
         sha256(convert_to(groupware.beside(i)::text, 'UTF8'))
  FROM sogo_store i
  LEFT JOIN sogo_quick_appointment a ON a.c_folder_id = i.c_folder_id AND a.c_name = i.c_name
  LEFT JOIN sogo_quick_contact c ON c.c_folder_id = i.c_folder_id AND c.c_name = i.c_name
  WHERE i.c_folder_id = groupware.folder(person, path)
  ORDER BY i.c_name COLLATE "C"
$$;

-- These items in full.
CREATE OR REPLACE FUNCTION read(person text, path text, names text[])
RETURNS TABLE (name text, removed boolean, content text, beside jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT c_name::text, coalesce(c_deleted, 0) <> 0, c_content, groupware.beside(i)
  FROM sogo_store i WHERE c_folder_id = groupware.folder(person, path) AND c_name = ANY (names)
$$;

-- Makes a folder, or gives it this name.
CREATE OR REPLACE FUNCTION put_collection(person text, path text, kind text, name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  home text := CASE kind WHEN 'calendar' THEN 'Calendar' ELSE 'Contacts' END;
  place text;
BEGIN
  IF person !~ '^u[0-9a-f]{32}$' OR path !~ ('^' || home || '/[^/]+$') THEN
    RAISE EXCEPTION 'not a % of a person: %', kind, path USING ERRCODE = '22023';
  END IF;
  UPDATE sogo_folder_info SET c_foldername = put_collection.name
    WHERE c_path = '/Users/' || person || '/' || path AND c_foldername <> put_collection.name;
  -- As SOGo names it; with combined tables nothing is there.
  SELECT base || 'sogo' || left(person, 10) || left(md5(person || path), 10) INTO place FROM groupware.place;
  INSERT INTO sogo_folder_info (c_path, c_path1, c_path2, c_path3, c_path4, c_foldername,
      c_location, c_quick_location, c_acl_location, c_folder_type)
    VALUES ('/Users/' || person || '/' || path, 'Users', person, home, split_part(path, '/', 2), put_collection.name,
      place, place || '_quick', place || '_acl', CASE kind WHEN 'calendar' THEN 'Appointment' ELSE 'Contact' END)
    ON CONFLICT DO NOTHING;
END $$;

-- Makes or replaces items, with what SOGo keeps beside them.
CREATE OR REPLACE FUNCTION put(person text, path text, names text[], removed boolean[], contents text[], besides jsonb[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  number integer := groupware.folder(person, path);
BEGIN
  IF number IS NULL THEN
    RAISE EXCEPTION 'there is no folder %', path USING ERRCODE = '22023';
  END IF;
  DELETE FROM sogo_quick_appointment WHERE c_folder_id = number AND c_name = ANY (names);
  DELETE FROM sogo_quick_contact WHERE c_folder_id = number AND c_name = ANY (names);
  INSERT INTO sogo_store (c_folder_id, c_name, c_content, c_creationdate, c_lastmodified, c_version, c_deleted)
    SELECT number, name, content, (beside ->> 'created')::integer, (beside ->> 'modified')::integer,
           (beside ->> 'version')::integer, CASE WHEN gone THEN 1 END
    FROM unnest(names, removed, contents, besides) i (name, gone, content, beside)
    ON CONFLICT (c_folder_id, c_name) DO UPDATE SET c_content = excluded.c_content, c_creationdate = excluded.c_creationdate,
      c_lastmodified = excluded.c_lastmodified, c_version = excluded.c_version, c_deleted = excluded.c_deleted;
  INSERT INTO sogo_quick_appointment
    SELECT q.* FROM unnest(names, besides) i (name, beside), jsonb_populate_record(NULL::sogo_quick_appointment,
      beside -> 'appointment' || jsonb_build_object('c_folder_id', number, 'c_name', name)) q
    WHERE jsonb_typeof(beside -> 'appointment') = 'object';
  INSERT INTO sogo_quick_contact
    SELECT q.* FROM unnest(names, besides) i (name, beside), jsonb_populate_record(NULL::sogo_quick_contact,
      beside -> 'contact' || jsonb_build_object('c_folder_id', number, 'c_name', name)) q
    WHERE jsonb_typeof(beside -> 'contact') = 'object';
END $$;

-- Removes items as SOGo does: clients that come later still learn of it.
CREATE OR REPLACE FUNCTION remove(person text, path text, names text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
  DELETE FROM sogo_quick_appointment WHERE c_folder_id = groupware.folder(person, path) AND c_name = ANY (names);
  DELETE FROM sogo_quick_contact WHERE c_folder_id = groupware.folder(person, path) AND c_name = ANY (names);
  UPDATE sogo_store SET c_deleted = 1, c_lastmodified = extract(epoch FROM now())::integer
    WHERE c_folder_id = groupware.folder(person, path) AND c_name = ANY (names) AND coalesce(c_deleted, 0) = 0;
$$;

CREATE OR REPLACE FUNCTION remove_collection(person text, path text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  number integer := groupware.folder(person, path);
BEGIN
  DELETE FROM sogo_quick_appointment WHERE c_folder_id = number;
  DELETE FROM sogo_quick_contact WHERE c_folder_id = number;
  DELETE FROM sogo_acl WHERE c_folder_id = number;
  DELETE FROM sogo_store WHERE c_folder_id = number;
  DELETE FROM sogo_folder_info WHERE c_folder_id = number;
END $$;

-- What the person set in webmail and for folders (colours, order). The uid in it is written as %person%, and folders of other
-- people that the person subscribed to are left out: they are not on another server.
CREATE OR REPLACE FUNCTION preferences(person text) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT jsonb_build_object('defaults', nullif(c_defaults, '')::jsonb,
    'settings', replace((nullif(c_settings, '')::jsonb #- '{Calendar,SubscribedFolders}' #- '{Contacts,SubscribedFolders}')::text,
      person, '%person%')::jsonb)
  FROM sogo_user_profile WHERE c_uid = person
$$;

CREATE OR REPLACE FUNCTION put_preferences(person text, given jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  old jsonb := (SELECT nullif(c_settings, '')::jsonb FROM sogo_user_profile WHERE c_uid = person);
  new jsonb := replace((given -> 'settings')::text, '%person%', person)::jsonb;
  home text;
BEGIN
  FOREACH home IN ARRAY ARRAY['Calendar', 'Contacts'] LOOP
    IF old #> ARRAY[home, 'SubscribedFolders'] IS NOT NULL THEN
      new := jsonb_build_object(home, '{}'::jsonb) || coalesce(nullif(new, 'null'), '{}');
      new := jsonb_set(new, ARRAY[home, 'SubscribedFolders'], old #> ARRAY[home, 'SubscribedFolders']);
    END IF;
  END LOOP;
  INSERT INTO sogo_user_profile (c_uid, c_defaults, c_settings)
    VALUES (person, nullif(given -> 'defaults', 'null')::text, nullif(new, 'null')::text)
    ON CONFLICT (c_uid) DO UPDATE SET c_defaults = excluded.c_defaults, c_settings = excluded.c_settings;
END $$;

-- Everything that SOGo has of a person: calendars, contacts, preferences, what phones have synchronised, what was shared.
CREATE OR REPLACE FUNCTION remove_person(person text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF person !~ '^u[0-9a-f]{32}$' THEN
    RAISE EXCEPTION 'not a person: %', person USING ERRCODE = '22023';
  END IF;
  PERFORM groupware.remove_collection(person, c_path3 || '/' || c_path4) FROM sogo_folder_info
    WHERE c_path1 = 'Users' AND c_path2 = person;
  DELETE FROM sogo_folder_info WHERE c_path1 = 'Users' AND c_path2 = person;
  DELETE FROM sogo_acl WHERE c_uid = person;
  DELETE FROM sogo_cache_folder WHERE c_uid = person;
  DELETE FROM sogo_user_profile WHERE c_uid = person;
END $$;

-- How much these people have.
CREATE OR REPLACE FUNCTION counts(people text[])
RETURNS TABLE (person text, calendars bigint, events bigint, tasks bigint, contacts bigint, devices bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT p, count(DISTINCT f.c_folder_id) FILTER (WHERE f.c_folder_type = 'Appointment'),
         count(a.c_name) FILTER (WHERE a.c_component = 'vevent'), count(a.c_name) FILTER (WHERE a.c_component = 'vtodo'),
         (SELECT count(*) FROM sogo_quick_contact c JOIN sogo_folder_info i USING (c_folder_id)
          WHERE i.c_path2 = p AND c.c_component = 'vcard'),
         (SELECT count(DISTINCT split_part(ltrim(d.c_path, '/'), '+', 1)) FROM sogo_cache_folder d WHERE d.c_uid = p)
  FROM unnest(people) p
  LEFT JOIN sogo_folder_info f ON f.c_path1 = 'Users' AND f.c_path2 = p
  LEFT JOIN sogo_quick_appointment a ON a.c_folder_id = f.c_folder_id
  GROUP BY p
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA groupware FROM PUBLIC;
GRANT USAGE ON SCHEMA groupware TO panel;
GRANT EXECUTE ON FUNCTION groupware.version, collections, items, read, put_collection, put, remove, remove_collection, preferences,
  put_preferences, remove_person, counts TO panel;
COMMIT;
