//! twilio-sim
