//! A camera that speaks RTSP and is not ours: GStreamer's server.

use crate::program::peer;
use std::process::Command;

/// The server, at `/cam` of this port of 127.0.0.1; says `ready`. What it sends is a pipeline whose payloaders are called
/// `pay0`, `pay1` and so on.
pub fn rtsp_camera(port: u16, pipeline: &str) -> Command {
    let script = format!(
        "import gi\n\
         gi.require_version('Gst', '1.0'); gi.require_version('GstRtspServer', '1.0')\n\
         from gi.repository import Gst, GstRtspServer, GLib\n\
         Gst.init(None)\n\
         server = GstRtspServer.RTSPServer(); server.set_address('127.0.0.1')\n\
         server.set_service('{port}')\n\
         factory = GstRtspServer.RTSPMediaFactory(); factory.set_shared(True)\n\
         factory.set_launch('( {pipeline} )')\n\
         server.get_mount_points().add_factory('/cam', factory)\n\
         server.attach(None); import sys; print('ready', file=sys.stderr, flush=True)\n\
         GLib.MainLoop().run()\n"
    );
    let mut python = peer("/usr/bin/python3");
    python.args(["-c", &script]);
    python
}
