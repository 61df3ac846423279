//! The server functions. Each is a public door: who is asking, call the engine, say
//! where to look next.

pub(crate) mod account;
pub(crate) mod alarms;
pub(crate) mod contacts;
pub(crate) mod history;
pub(crate) mod names;
pub(crate) mod phone;
pub(crate) mod quiet;
pub(crate) mod rules;
pub(crate) mod session;

/// Registers each of them by name; doing it twice changes nothing.
pub(crate) fn register() {
    use leptos::server_fn::axum::register_explicit;
    register_explicit::<session::SignIn>();
    register_explicit::<session::SignOut>();
    register_explicit::<account::DeleteAccount>();
    register_explicit::<account::SignOutEverywhere>();
    register_explicit::<contacts::AddContact>();
    register_explicit::<contacts::AddEmail>();
    register_explicit::<contacts::RenameContact>();
    register_explicit::<contacts::ChangeMethod>();
    register_explicit::<contacts::DeleteContact>();
    register_explicit::<contacts::TestContact>();
    register_explicit::<contacts::SendCode>();
    register_explicit::<contacts::VerifyContact>();
    register_explicit::<contacts::LiftBlock>();
    register_explicit::<rules::SaveRule>();
    register_explicit::<rules::PauseRule>();
    register_explicit::<rules::DeleteRule>();
    register_explicit::<rules::RestoreRule>();
    register_explicit::<rules::MoveRule>();
    register_explicit::<history::AcknowledgeThread>();
    register_explicit::<history::MuteThread>();
    register_explicit::<history::UnmuteThread>();
    register_explicit::<quiet::SaveQuiet>();
    register_explicit::<quiet::SetZone>();
    register_explicit::<quiet::PauseAll>();
    register_explicit::<quiet::ResumeAll>();
    register_explicit::<quiet::LiftMute>();
    register_explicit::<alarms::DismissAlarm>();
    register_explicit::<names::AddName>();
    register_explicit::<names::HideName>();
    register_explicit::<phone::ActOnPhone>();
    register_explicit::<phone::ReplyByText>();
    register_explicit::<phone::Replay>();
}
