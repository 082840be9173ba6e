use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish};

use super::Mqtt;
use crate::command::Command;

/// Does what a message says. Returns what is to be said of it.
pub(super) fn obey(mqtt: &Mqtt, publish: &Publish) -> Option<Packet> {
    let topic = String::from_utf8_lossy(&publish.topic);
    let below = topic.strip_prefix(mqtt.topic.as_str())?.strip_prefix('/')?;
    let (camera, what) = below.rsplit_once('/')?;
    let done = match read(camera, what, publish) {
        Ok(command) => (mqtt.commands)(command).map_err(|refused| refused.to_string()),
        Err(why) => Err(why),
    };
    let why = done.err()?;
    let topic = format!("{}/{camera}/refused", mqtt.topic);
    // Whoever has asked is there now, or need not know.
    Some(Packet::Publish(Publish::new(
        topic,
        QoS::AtMostOnce,
        why,
        None,
    )))
}

fn read(camera: &str, what: &str, publish: &Publish) -> Result<Command, String> {
    if publish.retain {
        return Err(format!(
            "a retained {what} is not obeyed: publish it without retain"
        ));
    }
    let camera = camera.to_owned();
    match (what, str::from_utf8(&publish.payload)) {
        ("trigger", _) => Ok(Command::Trigger { camera }),
        (_, Ok(recipe)) => Ok(Command::Recipe {
            camera,
            recipe: recipe.trim().to_owned(),
        }),
        (_, Err(_)) => Err("the name of a recipe is not UTF-8".into()),
    }
}
