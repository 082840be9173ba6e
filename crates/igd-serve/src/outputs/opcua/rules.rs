//! Who may sign in, and what nobody may.

use open62541::{AccessControl, DefaultAccessControlWithLoginCallback, Result, ua};
use open62541_sys::{
    UA_AccessControl, UA_AddNodesItem, UA_AddReferencesItem, UA_DeleteNodesItem,
    UA_DeleteReferencesItem, UA_NodeId, UA_Server, UA_ServerConfig,
};

use crate::config::{OpcUaConfig, Role, Token};

/// Who is connected at once, at most.
const SESSIONS: u16 = 32;
const SUBSCRIPTIONS: u32 = 64;
const MONITORED_ITEMS: u32 = 10_000;

/// By name and token, those of `[[server.tokens]]`; and whoever reaches the address, where the configuration says so.
pub(super) struct Rules {
    anonymous: bool,
    /// Those whose role is enough for what can be written.
    tokens: Vec<Token>,
}

impl Rules {
    pub(super) fn new(config: &OpcUaConfig, tokens: &[Token]) -> Self {
        let needed = match config.read_only {
            true => Role::Read,
            false => Role::Operate,
        };
        let may = |token: &&Token| token.role >= needed;
        Self {
            anonymous: config.anonymous,
            tokens: tokens.iter().filter(may).cloned().collect(),
        }
    }
}

type Login = Box<dyn Fn(&ua::String, &ua::ByteString) -> ua::StatusCode + Send>;

// SAFETY: the library's own rules replace what was set before, and only functions of these are changed.
unsafe impl AccessControl for Rules {
    type Sentinel = <DefaultAccessControlWithLoginCallback<Login> as AccessControl>::Sentinel;

    unsafe fn apply(self, config: &mut UA_ServerConfig) -> Result<Self::Sentinel> {
        let Self { anonymous, tokens } = self;
        let login: Login = Box::new(move |user, password| {
            let is_nothing = |text: Option<&[u8]>| text.is_none_or(<[u8]>::is_empty);
            let is_anonymous = is_nothing(user.as_bytes()) && is_nothing(password.as_bytes());
            let is_known = || {
                let (user, password) = (user.as_str(), password.as_bytes().unwrap_or_default());
                let mut tokens = tokens.iter();
                tokens.any(|token| user == Some(&token.name) && token.hash.is_of(password))
            };
            // Whether they may, the library has looked.
            match is_anonymous || is_known() {
                true => ua::StatusCode::GOOD,
                false => ua::StatusCode::BADUSERACCESSDENIED,
            }
        });
        let rules = DefaultAccessControlWithLoginCallback::new(anonymous, login);
        // SAFETY: the caller's.
        let sentinel = unsafe { rules.apply(config) }?;
        let rules = &mut config.accessControl;
        rules.allowAddNode = Some(no_new_node);
        rules.allowAddReference = Some(no_new_reference);
        rules.allowDeleteNode = Some(no_node_less);
        rules.allowDeleteReference = Some(no_reference_less);
        rules.getUserRightsMask = Some(no_attribute);
        rules.allowHistoryUpdateUpdateData = None;
        rules.allowHistoryUpdateDeleteRawModified = None;
        config.allowNonePolicyPassword = false;
        config.tcpReuseAddr = true;
        config.maxSessions = SESSIONS;
        config.maxSecureChannels = 2 * SESSIONS;
        config.maxSubscriptions = SUBSCRIPTIONS;
        config.maxMonitoredItems = MONITORED_ITEMS;
        Ok(sentinel)
    }
}

unsafe extern "C" fn no_new_node(
    _: *mut UA_Server,
    _: *mut UA_AccessControl,
    _: *const UA_NodeId,
    _: *mut std::ffi::c_void,
    _: *const UA_AddNodesItem,
) -> bool {
    false
}

unsafe extern "C" fn no_new_reference(
    _: *mut UA_Server,
    _: *mut UA_AccessControl,
    _: *const UA_NodeId,
    _: *mut std::ffi::c_void,
    _: *const UA_AddReferencesItem,
) -> bool {
    false
}

unsafe extern "C" fn no_node_less(
    _: *mut UA_Server,
    _: *mut UA_AccessControl,
    _: *const UA_NodeId,
    _: *mut std::ffi::c_void,
    _: *const UA_DeleteNodesItem,
) -> bool {
    false
}

unsafe extern "C" fn no_reference_less(
    _: *mut UA_Server,
    _: *mut UA_AccessControl,
    _: *const UA_NodeId,
    _: *mut std::ffi::c_void,
    _: *const UA_DeleteReferencesItem,
) -> bool {
    false
}

/// Of nodes values alone can be written.
unsafe extern "C" fn no_attribute(
    _: *mut UA_Server,
    _: *mut UA_AccessControl,
    _: *const UA_NodeId,
    _: *mut std::ffi::c_void,
    _: *const UA_NodeId,
    _: *mut std::ffi::c_void,
) -> u32 {
    0
}
