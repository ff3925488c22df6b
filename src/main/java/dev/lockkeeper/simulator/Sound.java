package dev.lockkeeper.simulator;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Makes short tones: real ones as WAV and PCM, well-formed frames of silence as MP3, and bytes that only look so for other formats. */
final class Sound {
    private static final int RATE = 24_000;
    private static final int SAMPLES_PER_CHARACTER = 240;
    private static final int MOST_CHARACTERS = 200;
    private static final int MP3_FRAME = 96;

    private Sound() {}

    static String mediaType(String format) {
        return switch (format) {
            case "wav" -> "audio/wav";
            case "pcm", "pcm16" -> "audio/pcm";
            case "opus" -> "audio/opus";
            case "aac" -> "audio/aac";
            case "flac" -> "audio/flac";
            default -> "audio/mpeg";
        };
    }

    /** A tone whose length goes with the number of characters spoken. */
    static byte[] tone(int characters, String format) {
        byte[] samples = samples(Math.clamp(characters, 1, MOST_CHARACTERS) * SAMPLES_PER_CHARACTER);
        return switch (format) {
            case "pcm", "pcm16" -> samples;
            case "wav" -> wav(samples);
            case "opus" -> marked("OggS", samples.length / 16);
            case "flac" -> marked("fLaC", samples.length / 4);
            case "aac" -> marked("\u00ff\u00f1", samples.length / 16);
            default -> mp3(samples.length / 2 / 576 + 1);
        };
    }

    private static byte[] samples(int count) {
        ByteBuffer samples = ByteBuffer.allocate(count * 2).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            samples.putShort((short) (8_000 * Math.sin(2 * Math.PI * 440 * i / RATE)));
        }
        return samples.array();
    }

    private static byte[] wav(byte[] samples) {
        ByteBuffer wav = ByteBuffer.allocate(44 + samples.length).order(ByteOrder.LITTLE_ENDIAN);
        wav.put("RIFF".getBytes(StandardCharsets.US_ASCII)).putInt(36 + samples.length);
        wav.put("WAVEfmt ".getBytes(StandardCharsets.US_ASCII)).putInt(16);
        wav.putShort((short) 1).putShort((short) 1).putInt(RATE).putInt(RATE * 2);
        wav.putShort((short) 2).putShort((short) 16);
        wav.put("data".getBytes(StandardCharsets.US_ASCII))
                .putInt(samples.length)
                .put(samples);
        return wav.array();
    }

    private static byte[] mp3(int frames) {
        // MPEG-2 layer III, 32 kbit/s, 24 kHz, mono: 96 bytes a frame; zeros decode to silence.
        byte[] mp3 = new byte[frames * MP3_FRAME];
        for (int i = 0; i < frames; i++) {
            mp3[i * MP3_FRAME] = (byte) 0xFF;
            mp3[i * MP3_FRAME + 1] = (byte) 0xF3;
            mp3[i * MP3_FRAME + 2] = (byte) 0x44;
            mp3[i * MP3_FRAME + 3] = (byte) 0xC0;
        }
        return mp3;
    }

    private static byte[] marked(String magic, int length) {
        byte[] bytes = new byte[Math.max(length, 16)];
        byte[] start = magic.getBytes(StandardCharsets.ISO_8859_1);
        System.arraycopy(start, 0, bytes, 0, start.length);
        return bytes;
    }
}
