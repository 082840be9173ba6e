//! What the line has told in English, in the language of the page: events, what marks change, why something is not
//! done. It is stored as it was told, so it is known again by its words. What is not known stays as it is.

use maud::{Markup, html};

use super::language::Language;

/// English and German. A word in braces is whatever stands there.
const KNOWN: [(&str, &str); 56] = [
    // Who has done it.
    ("anyone", "jemand"),
    ("the configuration", "die Konfiguration"),
    ("an output", "ein Ausgang"),
    // Cameras.
    ("paused ({by})", "angehalten ({by})"),
    ("goes on ({by})", "geht weiter ({by})"),
    ("frames come again", "es kommen wieder Bilder"),
    ("no frame for {n} s", "seit {n} s kein Bild"),
    (
        "frames come, but none is judged",
        "es kommen Bilder, aber keines wird beurteilt",
    ),
    ("it ended without a frame", "sie endete ohne ein Bild"),
    (
        "the last frames do not look like those that the model knows: look at light, focus and the camera's place",
        "die letzten Bilder sehen nicht aus wie die, die das Modell kennt: Licht, Schärfe und Lage der Kamera prüfen",
    ),
    (
        "frames look as they should again",
        "die Bilder sehen wieder aus, wie sie sollen",
    ),
    (
        "a fault of igd itself: restart the line, and report it with the log",
        "ein Fehler in igd selbst: die Linie neu starten und ihn mit dem Protokoll melden",
    ),
    // Recipes and versions.
    (
        "judged by {recipe} from now on ({by})",
        "wird ab jetzt nach {recipe} beurteilt ({by})",
    ),
    (
        "there is no recipe {name}, only {known}",
        "es gibt kein Rezept {name}, nur {known}",
    ),
    (
        "version {n} judges from now on: {file} ({by})",
        "Version {n} urteilt ab jetzt: {file} ({by})",
    ),
    (
        "version {n} judges from now on ({by})",
        "Version {n} urteilt ab jetzt ({by})",
    ),
    (
        "{why}: the version that judged goes on",
        "{why}: die Version, die urteilte, macht weiter",
    ),
    ("the model's own ({by})", "die des Modells ({by})"),
    (
        "learns from its marks ({by})",
        "lernt aus seinen Markierungen ({by})",
    ),
    (
        "learns from {n} pictures ({by})",
        "lernt aus {n} Bildern ({by})",
    ),
    (
        "made, without a model yet ({by})",
        "angelegt, noch ohne Modell ({by})",
    ),
    ("removed ({by})", "entfernt ({by})"),
    (
        "the whole picture is inspected from now on ({by})",
        "ab jetzt wird das ganze Bild geprüft ({by})",
    ),
    (
        "what {n} shapes say is inspected from now on ({by})",
        "ab jetzt wird geprüft, was {n} Formen sagen ({by})",
    ),
    (
        "{area} is inspected from now on, as {n} shapes say ({by})",
        "ab jetzt wird {area} geprüft, wie {n} Formen sagen ({by})",
    ),
    (
        "{area} is inspected from now on ({by})",
        "ab jetzt wird {area} geprüft ({by})",
    ),
    // Outputs and the disk.
    (
        "{n} parts have waited for it",
        "{n} Teile haben auf ihn gewartet",
    ),
    (
        "part {n} of {camera} is left out: {why}",
        "Teil {n} von {camera} wird ausgelassen: {why}",
    ),
    (
        "the store cannot be read: {why}",
        "der Speicher ist nicht lesbar: {why}",
    ),
    (
        "no picture is kept, as disk-mb = 0 in [keep] says",
        "kein Bild wird aufbewahrt, wie disk-mb = 0 in [keep] sagt",
    ),
    (
        "no picture is kept: marked ones leave no room in the {n} MB of [keep] disk-mb",
        "kein Bild wird aufbewahrt: markierte lassen keinen Platz in den {n} MB von [keep] disk-mb",
    ),
    (
        "no picture is kept: {why}",
        "kein Bild wird aufbewahrt: {why}",
    ),
    // What marks change.
    (
        "{rate} % ({n} of {all}; 95 % confidence: {low} to {high} %)",
        "{rate} % ({n} von {all}; 95 % Sicherheit: {low} bis {high} %)",
    ),
    (
        "defects found: {after}, was {before}",
        "gefundene Fehler: {after}, vorher {before}",
    ),
    (
        "marked good pictures flagged: {after}, was {before}",
        "als gut markierte Bilder gemeldet: {after}, vorher {before}",
    ),
    (
        "other good pictures flagged: {after}, was {before}",
        "andere gute Bilder gemeldet: {after}, vorher {before}",
    ),
    (
        "AUROC of the marked defects: {after}, was {before}",
        "AUROC der markierten Fehler: {after}, vorher {before}",
    ),
    (
        "these marks make no better model: the one before goes on",
        "diese Markierungen ergeben kein besseres Modell: das bisherige macht weiter",
    ),
    (
        "there is nothing to learn from: mark pictures as good or as defective",
        "es gibt nichts, woraus zu lernen wäre: markieren Sie Bilder als gut oder schlecht",
    ),
    (
        "the model has learned from marked defects: give them again, since each time all marks count",
        "das Modell hat aus markierten Fehlern gelernt: markieren Sie sie wieder, denn jedes Mal zählen alle",
    ),
    (
        "{n} marked defects teach nothing that would hold for others: at least {fewest} are needed",
        "{n} markierte Fehler lehren nichts, was auch für andere gilt: mindestens {fewest} werden gebraucht",
    ),
    (
        "the marked defects score no higher than good pictures, so that there is nothing to build on: are they marked rightly?",
        "die markierten Fehler haben keine höheren Werte als gute Bilder, darauf lässt sich nicht bauen: sind sie richtig markiert?",
    ),
    (
        "the scores of the good pictures make no threshold",
        "die Werte der guten Bilder ergeben keine Schwelle",
    ),
    (
        "{path} holds nothing of the pictures that it was fitted to: {what}",
        "{path} enthält nichts von den Bildern, an die es angepasst wurde: lernen Sie es neu an, mit 50 Bildern oder mehr",
    ),
    (
        "{path}: only dense models learn from marked pictures",
        "{path}: nur dichte Modelle lernen aus markierten Bildern",
    ),
    // What is taught.
    (
        "{name}: {n} normal pictures that can be used, at least {fewest} are needed",
        "{name}: {n} gute Bilder, die zu gebrauchen sind, mindestens {fewest} werden gebraucht",
    ),
    (
        "all pictures are the same, so that any other would be an anomaly: show it pictures that vary as normal ones do",
        "alle Bilder sind gleich, sodass jedes andere eine Abweichung wäre: zeigen Sie Bilder, die sich unterscheiden, wie gute es tun",
    ),
    (
        "{name}: {n} of {all} pictures cannot be used, {what}",
        "{name}: {n} von {all} Bildern sind nicht zu gebrauchen",
    ),
    (
        "the encoder's weights are not on this machine: fetch them with `igd data encoder` (14 MB), and start again",
        "die Gewichte des Encoders sind nicht auf diesem Rechner: `igd data encoder` holt sie (14 MB); dann von vorn",
    ),
    (
        "{name} has {n} pictures, and no more are taken: remove some",
        "{name} hat {n} Bilder, und mehr werden nicht angenommen: entfernen Sie einige",
    ),
    (
        "pictures to learn from take {n} MB, and more would be above the limit: {what}",
        "Bilder zum Lernen nehmen {n} MB ein, und mehr lägen über der Grenze: entfernen Sie einige, oder erhöhen Sie teach-mb in [keep]",
    ),
    (
        "this is igd's own fault: the log tells more, and a report of it helps",
        "das ist ein Fehler in igd selbst: das Protokoll sagt mehr, und eine Meldung hilft",
    ),
    // Models and masks that cannot be opened.
    (
        "{camera} does not answer: its source hangs",
        "{camera} antwortet nicht: ihre Quelle hängt",
    ),
    (
        "no other model is let in: the present one judges for too long",
        "kein anderes Modell wird eingelassen: das jetzige urteilt zu lange",
    ),
    ("the line is being stopped", "die Linie wird beendet"),
    (
        "none of its pictures can be read",
        "keines ihrer Bilder ist lesbar",
    ),
];

/// In the page's language where that is known, else marked as English.
pub fn told(text: &str, language: Language) -> Markup {
    let german = match language {
        Language::English => None,
        Language::German => german(text),
    };
    match german {
        Some(german) => html! { (german) },
        None => html! { span lang="en" { (text) } },
    }
}

fn german(text: &str) -> Option<String> {
    KNOWN.iter().find_map(|(english, german)| {
        let words = words(english, text)?;
        let fill = |filled: String, (name, word): &(&str, &str)| {
            filled.replace(&format!("{{{name}}}"), &within(word))
        };
        Some(words.iter().fold((*german).to_owned(), fill))
    })
}

/// What stands in a text may be known itself, or a number.
fn within(word: &str) -> String {
    let is_decimal = word.contains('.') && word.parse::<f64>().is_ok();
    match is_decimal {
        true => word.replace('.', ","),
        false => german(word).unwrap_or_else(|| word.to_owned()),
    }
}

/// What stands in a text in place of the words in braces; `None` where it is another one.
fn words<'a>(known: &'static str, text: &'a str) -> Option<Vec<(&'static str, &'a str)>> {
    let mut pieces = known.split('{');
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut words = Vec::new();
    for piece in pieces {
        let (name, after) = piece.split_once('}')?;
        let end = match after {
            "" => rest.len(),
            after => rest.find(after)?,
        };
        if end == 0 {
            return None;
        }
        words.push((name, &rest[..end]));
        rest = &rest[end + after.len()..];
    }
    rest.is_empty().then_some(words)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_known_is_told_in_german_with_what_stands_in_it() {
        for (english, expected) in [
            ("paused (anna)", "angehalten (anna)"),
            (
                "version 3 judges from now on (anyone)",
                "Version 3 urteilt ab jetzt (jemand)",
            ),
            (
                "version 3 judges from now on: /a b.safetensors (the configuration)",
                "Version 3 urteilt ab jetzt: /a b.safetensors (die Konfiguration)",
            ),
            (
                "100,80,640,480 is inspected from now on, as 2 shapes say (anna)",
                "ab jetzt wird 100,80,640,480 geprüft, wie 2 Formen sagen (anna)",
            ),
            (
                "defects found: 90.0 % (9 of 10; 95 % confidence: 55.5 to 99.7 %), was 50.0 % (5 of 10; 95 % confidence: \
                 18.7 to 81.3 %)",
                "gefundene Fehler: 90,0 % (9 von 10; 95 % Sicherheit: 55,5 bis 99,7 %), vorher 50,0 % (5 von 10; 95 % \
                 Sicherheit: 18,7 bis 81,3 %)",
            ),
        ] {
            assert_eq!(german(english).as_deref(), Some(expected));
        }
        assert_eq!(german("rtspsrc: 404 Not Found"), None);
        assert_eq!(german(""), None);
        let shown = told("<b>", Language::German).into_string();
        assert_eq!(shown, "<span lang=\"en\">&lt;b&gt;</span>");
        let shown = told("paused (<b>)", Language::German).into_string();
        assert_eq!(shown, "angehalten (&lt;b&gt;)");
    }

    /// Another wording in the source would no longer be known.
    #[test]
    fn what_is_known_is_what_the_source_tells() {
        let mut source = String::new();
        for folder in ["src", "../igd/src"] {
            read(
                &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
                &mut source,
            );
        }
        let source: Vec<&str> = source.split_whitespace().collect();
        let source = source.join(" ");
        for (english, german) in KNOWN {
            let mut names = english.split('{').skip(1);
            let names = names.all(|piece| {
                let name = piece.split('}').next().unwrap();
                name == "what" || german.contains(&format!("{{{name}}}"))
            });
            assert!(names, "{german}");
            let pieces = english.split(['{', '}', '(', ')']);
            let longest = pieces.max_by_key(|piece| piece.len()).unwrap();
            let longest = longest.trim().trim_end_matches(':');
            assert!(source.contains(longest), "nobody tells: {longest}");
        }
    }

    /// Lines that go on in the next one as one, and without this file.
    fn read(folder: &Path, source: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, source);
            } else if path.extension().is_some_and(|ending| ending == "rs")
                && !path.ends_with("page/told.rs")
            {
                let text = fs::read_to_string(path).unwrap();
                source.push_str(&text.replace("\\\n", " "));
            }
        }
    }
}
