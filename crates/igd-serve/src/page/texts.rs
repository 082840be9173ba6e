//! All that the pages say, in each language. A word in braces is filled in: [`fill`], and `fill` of `common.js`.

use super::language::Language;

/// Makes the table: a field a text, and its words in English and German.
macro_rules! texts {
    ($($name:ident: $english:literal, $german:literal;)*) => {
        /// The texts of a language.
        #[derive(Debug)]
        pub struct Texts {
            $(pub $name: &'static str,)*
        }

        const ENGLISH: Texts = Texts { $($name: $english,)* };
        const GERMAN: Texts = Texts { $($name: $german,)* };

        impl Texts {
            /// Each with its name.
            pub fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }
    };
}

impl Texts {
    /// Those of a language.
    pub fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }
}

/// A text with words in place of those in braces.
pub fn fill(text: &str, words: &[(&str, &dyn std::fmt::Display)]) -> String {
    words.iter().fold(text.to_owned(), |text, (name, word)| {
        text.replace(&format!("{{{name}}}"), &word.to_string())
    })
}

texts! {
    // Of every page.
    skip: "Skip to the content", "Zum Inhalt springen";
    pages: "Pages", "Seiten";
    live: "Live", "Live";
    review: "Review", "Prüfen";
    improve: "Improve", "Verbessern";
    threshold: "Threshold", "Schwelle";
    teach: "Teach", "Anlernen";
    region_page: "Region", "Prüfbereich";
    events: "Events", "Ereignisse";
    language: "Language", "Sprache";
    login: "Sign in", "Anmelden";
    logout: "Sign out", "Abmelden";
    unreachable: "The server does not answer. Trying again…", "Der Server antwortet nicht. Neuer Versuch…";
    failed: "Not done: {why}", "Nicht ausgeführt: {why}";
    retry: "Try again", "Erneut versuchen";
    dismiss: "Close this message", "Meldung schließen";
    done: "Done.", "Erledigt.";
    read_only: "You may look, but not change anything.", "Sie dürfen alles sehen, aber nichts ändern.";
    not_found: "There is no such page", "Diese Seite gibt es nicht";
    recipe: "Recipe", "Rezept";
    recipes: "Recipes", "Rezepte";
    camera: "Camera", "Kamera";
    cameras: "Cameras", "Kameras";
    version: "version {n}", "Version {n}";
    back: "Back", "Zurück";

    // Verdicts and marks.
    good: "GOOD", "GUT";
    bad: "BAD", "SCHLECHT";
    none: "NO VERDICT", "KEIN URTEIL";
    no_part: "NO PART YET", "NOCH KEIN TEIL";
    marked_good: "marked good", "als gut markiert";
    marked_bad: "marked bad", "als schlecht markiert";
    unmarked: "not marked", "nicht markiert";

    // Live.
    connecting: "connecting…", "verbindet…";
    running: "running, {fps} per second", "läuft, {fps} pro Sekunde";
    lost: "camera lost", "Kamera ausgefallen";
    lost_since: "camera lost since {time}", "Kamera ausgefallen seit {time}";
    paused: "paused", "angehalten";
    no_picture: "No picture yet", "Noch kein Bild";
    as_pictures: "Live as single pictures (JPEG)", "Live als Einzelbilder (JPEG)";
    as_video: "Live as video (WebRTC)", "Live als Video (WebRTC)";
    picture_of: "Picture of camera {camera} with heatmap", "Bild der Kamera {camera} mit Wärmebild";
    score_curve: "Score over the last 10 minutes: now {now}\u{a0}%, highest {highest}\u{a0}% of the threshold",
        "Wert der letzten 10 Minuten: jetzt {now}\u{a0}%, höchster {highest}\u{a0}% der Schwelle";
    no_score: "No score yet", "Noch kein Wert";
    last_minutes: "last 10 minutes", "letzte 10 Minuten";
    shift: "Shift since {time}", "Schicht seit {time}";
    count_good: "good", "gut";
    count_bad: "bad", "schlecht";
    count_none: "no verdict", "ohne Urteil";
    drifts: "The picture has changed: check light, focus and place ({drift} × the limit)",
        "Das Bild hat sich verändert: Licht, Schärfe und Lage prüfen ({drift}-faches der Grenze)";
    pause: "Pause", "Anhalten";
    resume: "Resume", "Fortsetzen";
    trigger: "Judge now", "Jetzt prüfen";
    product: "Product", "Produkt";
    change_product: "Switch", "Wechseln";
    open_camera: "Enlarge", "Vergrößern";
    all_cameras: "All cameras", "Alle Kameras";
    announced: "Camera {camera}: {verdict}", "Kamera {camera}: {verdict}";

    no_model: "no model yet.", "noch kein Modell.";
    teach_it: "Teach it", "Anlernen";

    // Teach.
    teach_recipe: "Teach {recipe} with pictures of good parts", "{recipe} mit Bildern guter Teile anlernen";
    new_recipe: "A new product", "Ein neues Produkt";
    new_name: "Its name: letters, digits, - and _", "Sein Name: Buchstaben, Ziffern, - und _";
    make_recipe: "Add", "Hinzufügen";
    remove_recipe: "Remove this product", "Dieses Produkt entfernen";
    from_camera: "From a camera", "Von einer Kamera";
    seen_by: "What camera {camera} sees", "Was Kamera {camera} sieht";
    which_pictures: "Which pictures", "Welche Bilder";
    by_time: "two a second", "zwei pro Sekunde";
    by_motion: "each part that comes to rest", "jedes Teil, das zur Ruhe kommt";
    collect: "Start collecting", "Sammeln beginnen";
    stop_collecting: "Stop", "Beenden";
    collecting: "Collecting from {camera}: {n} taken", "Sammelt von {camera}: {n} aufgenommen";
    collected: "Collected from {camera}: {n} taken", "Von {camera} gesammelt: {n} aufgenommen";
    from_files: "From files", "Aus Dateien";
    choose_files: "Pictures: PNG, JPEG, BMP or TIFF, 32 MB each at most", "Bilder: PNG, JPEG, BMP oder TIFF, je höchstens 32 MB";
    choose_folder: "Or a whole folder", "Oder ein ganzer Ordner";
    uploading: "{done} of {all} sent", "{done} von {all} gesendet";
    uploaded: "{n} pictures came.", "{n} Bilder sind angekommen.";
    not_taken: "{n} files were not taken:", "{n} Dateien wurden nicht angenommen:";
    too_large: "larger than 32 MB", "größer als 32 MB";
    lesson: "Pictures to learn from", "Bilder zum Lernen";
    lesson_count: "{n} pictures, {mb} MB. The model learns what all of them have in common: only good parts, in all the ways that good ones differ.",
        "{n} Bilder, {mb} MB. Das Modell lernt, was allen gemeinsam ist: nur gute Teile, in allen Arten, wie gute sich unterscheiden.";
    no_lesson: "No pictures yet.", "Noch keine Bilder.";
    looking_at: "{done} of {all} have been looked at…", "{done} von {all} sind angesehen…";
    too_few: "At least {fewest} are needed.", "Mindestens {fewest} werden gebraucht.";
    more_advised: "From {advised} on each of them sets the threshold; now some are kept apart for it.",
        "Ab {advised} bestimmt jedes die Schwelle; jetzt werden einige dafür zurückgehalten.";
    all_well: "Nothing is doubtful of them.", "Nichts an ihnen ist zweifelhaft.";
    doubtful: "{n} of them are doubtful: remove what is no good picture of a good part.",
        "{n} davon sind zweifelhaft: Entfernen Sie, was kein gutes Bild eines guten Teils ist.";
    doubt_double: "shows what another one shows", "zeigt dasselbe wie ein anderes";
    doubt_blurred: "blurred", "unscharf";
    doubt_dark: "darker than the others", "dunkler als die anderen";
    doubt_bright: "brighter than the others", "heller als die anderen";
    doubt_odd: "unlike the others", "anders als die anderen";
    doubt_shape: "another shape: {w} × {h}", "anderes Seitenverhältnis: {w} × {h}";
    doubt_size: "another size: {w} × {h}", "andere Größe: {w} × {h}";
    remove: "Remove", "Entfernen";
    remove_all: "Remove all pictures", "Alle Bilder entfernen";
    good_picture: "Picture {n}", "Bild {n}";
    and_more: "and {n} more", "und {n} weitere";
    in_common: "What is being learned", "Was gelernt wird";
    mean: "What all pictures have in common", "Was allen Bildern gemeinsam ist";
    spread: "Where they differ: red is much, blue is little", "Wo sie sich unterscheiden: rot ist viel, blau ist wenig";
    learn: "Learn from {n} pictures", "Aus {n} Bildern lernen";
    learn_about: "Takes some seconds to minutes. Cameras go on meanwhile; nothing changes until you take the model over.",
        "Dauert einige Sekunden bis Minuten. Kameras arbeiten weiter; nichts ändert sich, bevor Sie das Modell übernehmen.";
    fitting: "Learning what they have in common: {done} of {all}", "Lernt, was ihnen gemeinsam ist: {done} von {all}";
    calibrating: "Judging each of them for the threshold: {done} of {all}", "Beurteilt jedes für die Schwelle: {done} von {all}";
    cancel: "Cancel", "Abbrechen";
    taught: "A model is ready", "Ein Modell ist fertig";
    taught_of: "Learned from {n} pictures; threshold {threshold}.", "Aus {n} Bildern gelernt; Schwelle {threshold}.";
    promises: "Of 100 new good parts {rate} are to be expected to be called bad, at most {high} (95\u{a0}% confidence).",
        "Von 100 neuen guten Teilen werden voraussichtlich {rate} schlecht genannt, höchstens {high} (95\u{a0}% Sicherheit).";
    more_promise: "With {n} pictures it could promise less.", "Mit {n} Bildern könnte es weniger versprechen.";
    too_many_doubles: "Too many of the pictures repeat others: new good parts will be called bad more often than that. Use pictures of different parts.",
        "Zu viele Bilder wiederholen andere: neue gute Teile werden öfter schlecht genannt. Nehmen Sie Bilder verschiedener Teile.";
    odd_ones: "Good pictures that it would call bad. Are they good? If not, discard the model, remove them and learn again.",
        "Gute Bilder, die es schlecht nennen würde. Sind sie gut? Wenn nicht, verwerfen Sie das Modell, entfernen Sie sie und lernen Sie neu.";
    take_over: "Take it over", "Übernehmen";
    no_taught: "No model", "Kein Modell";
    taught_with: "taught with {n} pictures", "mit {n} Bildern angelernt";
    judges_now: "Cameras with {recipe}: {cameras}.", "Kameras mit {recipe}: {cameras}.";
    judges_by: "In use: version {n}.", "In Gebrauch: Version {n}.";
    no_camera_has: "No camera has {recipe} yet: switch one to it on the page “Live”.",
        "Noch keine Kamera hat {recipe}: Wechseln Sie eine auf der Seite „Live“.";

    // Region.
    region_of: "What of {recipe} is inspected", "Was von {recipe} geprüft wird";
    no_view: "No camera that has {recipe} has given a picture yet.", "Noch keine Kamera mit {recipe} hat ein Bild geliefert.";
    tool: "Draw", "Zeichnen";
    tool_region: "the region, a rectangle", "den Bereich, ein Rechteck";
    tool_out: "a shape to leave out", "eine Form, die ausgelassen wird";
    tool_in: "a shape to inspect", "eine Form, die geprüft wird";
    tool_region_keys: "Drag a rectangle with mouse or finger. By keyboard: arrow keys move it, with Shift they size it.",
        "Mit Maus oder Finger ein Rechteck aufziehen. Mit der Tastatur: Pfeiltasten verschieben, mit Umschalttaste ändern sie die Größe.";
    tool_shape_keys: "Tap the corners with mouse or finger, or draw around the shape. By keyboard: arrow keys move the cross, Space sets a corner, Backspace takes the last one away, Enter ends the shape.",
        "Mit Maus oder Finger die Ecken antippen oder die Form umfahren. Mit der Tastatur: Pfeiltasten bewegen das Kreuz, Leertaste setzt eine Ecke, Rücktaste nimmt die letzte weg, Enter beendet die Form.";
    drawing_area: "Picture of {recipe} to draw on", "Bild von {recipe} zum Zeichnen";
    region_label: "Region: arrow keys move it, with Shift they size it", "Bereich: Pfeiltasten verschieben, mit Umschalttaste ändern sie die Größe";
    whole_picture: "Take the whole picture", "Das ganze Bild nehmen";
    some_region: "Region in the middle", "Bereich in der Mitte";
    finish_shape: "End the shape", "Form beenden";
    drop_corner: "Take the last corner away", "Letzte Ecke wegnehmen";
    shapes: "Shapes", "Formen";
    shape_out: "{n}: left out, {corners} corners", "{n}: ausgelassen, {corners} Ecken";
    shape_in: "{n}: inspected, {corners} corners", "{n}: geprüft, {corners} Ecken";
    remove_shape: "Remove shape {n}", "Form {n} entfernen";
    no_shapes: "none", "keine";
    store_region: "Apply", "Übernehmen";
    as_stored: "Back to what is in use", "Zurück zu dem, was in Gebrauch ist";
    region_whole: "the whole picture", "das ganze Bild";
    region_part: "{w} × {h} pixels at {x}, {y}", "{w} × {h} Pixel bei {x}, {y}";
    region_shapes: "{n} shapes", "{n} Formen";
    region_masked: "the configuration's mask, which shapes replace", "die Maske der Konfiguration, die Formen ersetzen";
    region_again: "A model knows what it was taught with: when the region has changed, teach the product again.",
        "Ein Modell kennt, womit es angelernt wurde: Hat sich der Bereich geändert, lernen Sie das Produkt neu an.";

    // Review.
    bad_ones: "Bad", "Schlechte";
    near_ones: "Near the threshold", "Nahe der Schwelle";
    good_ones: "Good, a sample", "Gute, Stichprobe";
    marked_ones: "Marked", "Markierte";
    what_parts: "Which parts", "Welche Teile";
    filters: "Filters", "Filter";
    all: "all", "alle";
    time: "Time", "Zeit";
    since_hour: "last hour", "letzte Stunde";
    since_shift: "this shift", "diese Schicht";
    since_day: "last 24 hours", "letzte 24 Stunden";
    since_week: "last 7 days", "letzte 7 Tage";
    show: "Show", "Anzeigen";
    no_parts: "No parts here.", "Hier sind keine Teile.";
    no_pictures_kept: "No picture was kept", "Kein Bild aufbewahrt";
    older: "Older ones", "Ältere";
    newest: "Newest", "Neueste";
    parts_shown: "{n} parts", "{n} Teile";
    review_hint: "Open a part to mark it. Marks teach the model on the page “Improve”.",
        "Öffnen Sie ein Teil, um es zu markieren. Aus Markierungen lernt das Modell auf der Seite „Verbessern“.";
    part: "Part", "Teil";
    close: "Close", "Schließen";
    previous: "Previous", "Voriges";
    next: "Next", "Nächstes";
    mark_good: "Good", "Gut";
    mark_bad: "Bad", "Schlecht";
    unmark: "Unmark", "Markierung löschen";
    say_what_it_is: "What is it really?", "Was ist es wirklich?";
    heatmap: "Heatmap", "Wärmebild";
    opacity: "Opacity", "Deckkraft";
    regions: "Regions", "Bereiche";
    add_box: "Box around the defect", "Rahmen um den Fehler";
    remove_box: "Remove the box", "Rahmen löschen";
    box_label: "Box around the defect: arrow keys move it, with Shift they size it",
        "Rahmen um den Fehler: Pfeiltasten verschieben, mit Umschalttaste ändern sie die Größe";
    draw_hint: "Draw a box around the defect with mouse or finger: it marks the part bad.",
        "Mit Maus oder Finger einen Rahmen um den Fehler ziehen: das markiert das Teil als schlecht.";
    keys: "Keys: g good, b bad, u unmark, h heatmap, ← → previous and next, Esc close",
        "Tasten: g gut, b schlecht, u Markierung löschen, h Wärmebild, ← → voriges und nächstes, Esc schließen";
    storing: "Storing…", "Wird gespeichert…";
    stored: "Stored: {mark}", "Gespeichert: {mark}";
    kept: "Not stored yet, kept in this browser: {why}", "Noch nicht gespeichert, in diesem Browser behalten: {why}";
    marks_waiting: "{n} marks are not stored yet. They are kept in this browser and sent again.",
        "{n} Markierungen sind noch nicht gespeichert. Dieser Browser behält sie und sendet sie erneut.";
    drop_marks: "Discard them", "Verwerfen";
    no_answer: "the server does not answer", "der Server antwortet nicht";
    score: "Score", "Wert";
    of_threshold: "{n}\u{a0}% of the threshold", "{n}\u{a0}% der Schwelle";
    of_range: "On the scale 0 to 1 (threshold 0.5)", "Auf der Skala 0 bis 1 (Schwelle 0,5)";
    frames_judged: "Frames judged", "Beurteilte Bilder";
    latency: "Time to the verdict", "Zeit bis zum Urteil";
    drift: "Drift (limit 1)", "Drift (Grenze 1)";
    reason: "Why there is none", "Warum keines";
    verdict: "Verdict", "Urteil";
    marked_by: "{mark} by {by}, {time}", "{mark} von {by}, {time}";
    region: "{n}: {w} × {h} pixels at {x}, {y}, peak {peak}", "{n}: {w} × {h} Pixel bei {x}, {y}, Spitze {peak}";
    no_regions: "none", "keine";

    // Improve.
    marks: "Marks", "Markierungen";
    marks_so_far: "{bad} bad and {good} good parts are marked and have pictures.",
        "{bad} schlechte und {good} gute Teile sind markiert und haben Bilder.";
    more_marks: "Mark {n} more bad parts on the page “Review”: fewer than {fewest} teach nothing that would hold for others.",
        "Markieren Sie noch {n} schlechte Teile auf der Seite „Prüfen“: weniger als {fewest} lehren nichts, was auch für andere gilt.";
    no_marks: "Nothing is marked yet: mark parts on the page “Review”.",
        "Noch ist nichts markiert: markieren Sie Teile auf der Seite „Prüfen“.";
    refit: "Refit with {n} marks", "Mit {n} Markierungen neu anpassen";
    refit_about: "The line goes on meanwhile; nothing changes until you accept.",
        "Die Linie läuft weiter; nichts ändert sich, bevor Sie annehmen.";
    refitting: "Looking at the marked pictures: {done} of {all}", "Markierte Bilder werden angesehen: {done} von {all}";
    proposed: "A better model is ready", "Ein besseres Modell ist fertig";
    changes: "Marked parts whose verdict changes", "Markierte Teile, deren Urteil sich ändert";
    no_changes: "No marked part changes its verdict.", "Kein markiertes Teil ändert sein Urteil.";
    before: "before", "vorher";
    after: "after", "nachher";
    right_now: "right with the new model", "richtig mit dem neuen Modell";
    wrong_now: "wrong with the new model", "falsch mit dem neuen Modell";
    accept: "Accept", "Annehmen";
    discard: "Discard", "Verwerfen";
    refused: "No new model", "Kein neues Modell";
    versions: "Versions", "Versionen";
    number: "Version", "Version";
    created: "Made", "Erstellt";
    made_of: "Marks", "Markierungen";
    found_before_after: "Defects found", "Fehler gefunden";
    alarms_before_after: "False alarms", "Fehlalarme";
    threshold_set: "Threshold", "Schwelle";
    in_use: "in use", "in Gebrauch";
    use_version: "Use version {n}", "Version {n} verwenden";
    from_file: "the configuration's model", "Modell der Konfiguration";
    bad_and_good: "{bad} bad, {good} good", "{bad} schlecht, {good} gut";
    by_model: "the model's", "die des Modells";
    of_all: "{n} of {all}", "{n} von {all}";

    // Threshold.
    scores: "Scores", "Werte";
    histogram: "How many pictures have which score: {good} good ones, {bad} marked bad; the threshold is at {threshold}",
        "Wie viele Bilder welchen Wert haben: {good} gute, {bad} als schlecht markierte; die Schwelle liegt bei {threshold}";
    good_pictures: "good pictures of the fit, each as if left out", "gute Bilder der Anpassung, jedes wie ausgelassen";
    bad_marks: "parts marked bad", "als schlecht markierte Teile";
    good_marks: "parts marked good", "als gut markierte Teile";
    no_scores: "This model keeps no scores of good pictures: fit it anew, or mark parts.",
        "Dieses Modell enthält keine Werte guter Bilder: passen Sie es neu an, oder markieren Sie Teile.";
    move_threshold: "Threshold: lower finds more, higher alarms less",
        "Schwelle: niedriger findet mehr, höher meldet seltener";
    false_alarms: "False alarms to expect", "Zu erwartende Fehlalarme";
    defects_found: "Known defects found", "Bekannte Fehler gefunden";
    known_alarms: "Parts marked good that alarm still", "Als gut markierte Teile, die noch gemeldet werden";
    interval: "{n} of {all}; with 95\u{a0}% confidence between {low} and {high}",
        "{n} von {all}; mit 95\u{a0}% Sicherheit zwischen {low} und {high}";
    unknown: "unknown: none are marked", "unbekannt: keine sind markiert";
    apply: "Apply", "Übernehmen";
    undo: "Undo", "Rückgängig";
    to_model: "Back to the model's threshold ({n})", "Zurück zur Schwelle des Modells ({n})";
    threshold_in_use: "In use: {n}", "In Gebrauch: {n}";
    nearest: "Pictures nearest to the line", "Bilder, die der Schwelle am nächsten sind";
    just_bad: "just bad", "gerade noch schlecht";
    just_good: "just good", "gerade noch gut";
    no_near: "No pictures on this side.", "Keine Bilder auf dieser Seite.";
    and_above: "and above", "und mehr";
    pictures: "pictures", "Bilder";

    // Events.
    what_happened: "What happened", "Was geschehen ist";
    no_events: "Nothing has happened yet.", "Noch ist nichts geschehen.";
    kind: "What", "Was";
    of: "Of", "Wovon";
    outputs: "Outputs", "Ausgänge";
    output: "Output", "Ausgang";
    state: "State", "Zustand";
    connected: "connected", "verbunden";
    disconnected: "not connected", "nicht verbunden";
    skipped: "Parts refused", "Abgelehnte Teile";
    waiting: "Parts waiting", "Wartende Teile";
    no_outputs: "No outputs are configured.", "Es sind keine Ausgänge konfiguriert.";
    event_camera_lost: "Camera lost", "Kamera ausgefallen";
    event_camera_back: "Camera is back", "Kamera ist wieder da";
    event_camera_paused: "Camera paused", "Kamera angehalten";
    event_camera_resumed: "Camera resumed", "Kamera fortgesetzt";
    event_recipe_refused: "Product not switched", "Produkt nicht gewechselt";
    event_refit: "Refit", "Neu angepasst";
    event_recipe: "Product switched", "Produkt gewechselt";
    event_version: "Model version", "Modellversion";
    event_threshold: "Threshold", "Schwelle";
    event_drift: "Drift", "Drift";
    event_drift_over: "Drift is over", "Drift ist vorbei";
    event_output_lost: "Output lost", "Ausgang ausgefallen";
    event_output_back: "Output is back", "Ausgang ist wieder da";
    event_output_skipped: "Output refused a part", "Ausgang hat ein Teil abgelehnt";
    event_pictures_full: "Pictures: disk full", "Bilder: Platte voll";
    event_pictures_failed: "Pictures not kept", "Bilder nicht aufbewahrt";
    event_taught: "Taught", "Angelernt";
    event_inspected: "Region", "Prüfbereich";
    event_recipe_made: "New product", "Neues Produkt";
    event_recipe_removed: "Product removed", "Produkt entfernt";

    // Signing in.
    token: "Token", "Token";
    token_hint: "Whoever set up the line has it.", "Sie bekommen es von dem, der die Linie eingerichtet hat.";
    wait: "Too many wrong tokens: wait a minute.", "Zu viele falsche Token: bitte eine Minute warten.";
    wrong_token: "This token is not known.", "Dieses Token ist nicht bekannt.";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words in braces, in their order of the alphabet.
    fn words(text: &str) -> Vec<&str> {
        let mut words: Vec<_> = text
            .split('{')
            .skip(1)
            .map(|rest| rest.split('}').next().unwrap())
            .collect();
        words.sort_unstable();
        words
    }

    #[test]
    fn both_languages_say_all_with_the_same_words_to_fill_in() {
        for ((name, english), (_, german)) in ENGLISH.all().into_iter().zip(GERMAN.all()) {
            assert!(!english.is_empty() && !german.is_empty(), "{name}");
            assert_eq!(words(english), words(german), "{name}");
        }
    }

    #[test]
    fn words_in_braces_are_filled_in() {
        let text = fill("{n} of {all}", &[("n", &3), ("all", &"four")]);
        assert_eq!(text, "3 of four");
    }
}
