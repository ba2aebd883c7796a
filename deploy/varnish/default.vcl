# Varnish 7.1: /etc/varnish/default.vcl on each cache, for what is live. Start it with
#     varnishd -a :6081 -f /etc/varnish/default.vcl -s malloc,@varnish_memory@ -s Transient=malloc,256M
# Playlists live for seconds and so are kept in Transient, which has no bound unless it is given one.
vcl 4.1;
import directors;
import std;

# ---- what depends on the site: all of it stands here ----
# An origin is left after two checks that fail (a second), and taken again once 29 of 30 were passed (15 s): one that was
# started again has few segments at first, and viewers are best left with the other until it has more.
probe alive {
    .url = "@origin_probe@";
    .interval = 500ms;
    .timeout = 2s;
    .window = 30;
    .threshold = 29;
    .initial = 29;
}
backend origin1 { .host = "@origin1@"; .port = "@origin_port@"; .probe = alive; .connect_timeout = 500ms; .first_byte_timeout = 15s; .between_bytes_timeout = 5s; }
backend origin2 { .host = "@origin2@"; .port = "@origin_port@"; .probe = alive; .connect_timeout = 500ms; .first_byte_timeout = 15s; .between_bytes_timeout = 5s; }
# ---------------------------------------------------------

sub vcl_init {
    # All caches ask the first origin as long as it is well: both have the same names, but each its own pictures, and a
    # segment whose parts come from both is damaged until the next one begins. Not a hash, and not in turn.
    new first = directors.fallback();
    first.add_backend(origin1);
    first.add_backend(origin2);
    new other = directors.fallback();
    other.add_backend(origin2);
    other.add_backend(origin1);
}

sub vcl_recv {
    # What HAProxy asks: does this cache run? Not whether an origin does, since what is kept can be had all the same.
    if (req.url == "/alive") {
        return (synth(200));
    }
    if (req.method != "GET" && req.method != "HEAD") {
        return (synth(405));
    }
    # Nothing that is served depends on these, and with them nothing would be kept.
    unset req.http.Cookie;
    unset req.http.Authorization;
    # Names, and not the hundred spellings of a query: of a media file nothing, of a playlist what the origin reads.
    if (req.url ~ "\.mp4\?") {
        set req.url = regsub(req.url, "\?.*$", "");
    } else if (req.url ~ "/live\.m3u8\?") {
        set req.url = regsuball(req.url, "(?<=[?&])(?!_HLS_(?:msn|part|skip)=)[^&]*&?", "");
        set req.url = std.querysort(regsub(req.url, "[?&]+$", ""));
    }
    # Nothing is passed: even what is not kept is looked up, and costs as much.
    return (hash);
}

sub vcl_hash {
    # Not the Host header: the origin has one set of names, by whatever name viewers come.
    hash_data(req.url);
    return (lookup);
}

sub vcl_deliver {
    # Which cache it was (varnishd -i), and whether it had it: the first question about a viewer who complains.
    if (obj.hits > 0) {
        set resp.http.X-Cache = server.identity + " HIT";
    } else {
        set resp.http.X-Cache = server.identity + " MISS";
    }
}

sub vcl_backend_fetch {
    if (bereq.retries == 0) {
        set bereq.backend = first.backend();
    } else {
        set bereq.backend = other.backend();
    }
}

sub vcl_backend_response {
    # The first byte goes on to all who wait as soon as it is there, and the rest as it comes.
    set beresp.do_stream = true;
    # What has expired is not served while a new one is fetched: with Varnish's 10 s of grace a lone viewer is a playlist
    # behind at each poll.
    set beresp.grace = 0s;
    set beresp.keep = 0s;
    # The other origin may have what one that was just started has not, or not yet.
    if ((beresp.status == 404 || beresp.status >= 500) && bereq.retries == 0) {
        return (retry);
    }
    if (beresp.status >= 500) {
        # Both origins have waited for it, and it did not come: all who wait for it here are told so now. If each asked by
        # himself then, a stream that ends would bring all its viewers to the origin. And with 503 HAProxy would go on to ask
        # the other caches, which would wait as long again: that is for a cache that reaches no origin.
        set beresp.ttl = 0.1s;
        set beresp.status = 504;
        return (deliver);
    }
    if (beresp.status != 200) {
        # Not kept: it may be there in an instant. For a tenth of a second those who ask for the same need not wait for each
        # other, which they would if nothing were known of it.
        set beresp.ttl = 0.1s;
        set beresp.uncacheable = true;
        return (deliver);
    }
    # A playlist with parts is five kilobytes, five times a second: compressed here, once for all, it is a tenth.
    if (beresp.http.Content-Type ~ "mpegurl|json") {
        set beresp.do_gzip = true;
    }
    # Everything else is the origin's Cache-Control: the rules of Varnish itself follow here.
}

sub vcl_backend_error {
    if (bereq.retries == 0) {
        return (retry);
    }
    set beresp.http.Cache-Control = "no-store";
    set beresp.http.Content-Type = "text/plain";
    set beresp.body = "no origin answers: try again" + {"
"};
    set beresp.ttl = 0.1s;
    set beresp.grace = 0s;
    return (deliver);
}
