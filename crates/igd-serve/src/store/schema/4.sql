-- Good pictures that a version was taught with at the page.
ALTER TABLE versions ADD COLUMN taught INTEGER;

-- What of the frame was inspected, as JSON: left, upper edge, width and height. NULL: the whole.
ALTER TABLE parts ADD COLUMN inspected TEXT;
